package channel

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"testing"

	"rollcall/internal/msgpack"
)

// traceFrame is a line of a trace taken from a session with a daemon of 2023.
type traceFrame struct {
	sent    bool
	channel uint16
	payload []byte
}

func readTrace(tb testing.TB, name string) []traceFrame {
	tb.Helper()
	file, err := os.Open("testdata/" + name)
	if err != nil {
		tb.Fatal(err)
	}
	defer file.Close()
	var frames []traceFrame
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var direction, payload string
		var channel uint16
		var size int
		if _, err := fmt.Sscanf(lines.Text(), "%s ch=%d len=%d %s", &direction, &channel, &size, &payload); err != nil {
			tb.Fatalf("%.60s: %v", lines.Text(), err)
		}
		p, err := hex.DecodeString(payload)
		if err != nil || len(p) != size {
			tb.Fatalf("%.60s: %d bytes, %v", lines.Text(), len(p), err)
		}
		frames = append(frames, traceFrame{direction == ">", channel, p})
	}
	if len(frames) == 0 {
		tb.Fatal("empty trace")
	}
	return frames
}

// TestTraces replays both sides of recorded sessions: what we sent then must come
// out byte for byte when the same things are asked for.
func TestTraces(t *testing.T) {
	for name, client := range map[string]bool{"mux-requester.trace": false, "mux-answerer.trace": true} {
		for _, chunk := range []int{1, 7, 1 << 20} {
			t.Run(fmt.Sprintf("%s by %d", name, chunk), func(t *testing.T) {
				replay(t, readTrace(t, name), client, chunk)
			})
		}
	}
}

func replay(t *testing.T, frames []traceFrame, client bool, chunk int) {
	s := New(now, client)
	var got, want bytes.Buffer
	received := map[uint16][]byte{}
	for _, f := range frames {
		wire := AppendFrame(nil, f.channel, f.payload)
		if f.sent {
			ask(t, s, f)
			want.Write(wire)
		} else {
			for ; len(wire) > 0; wire = wire[min(chunk, len(wire)):] {
				p := wire[:min(chunk, len(wire))]
				if n := s.Handle(now, p); n != len(p) {
					t.Fatalf("took %d of %d bytes", n, len(p))
				}
				for _, e := range s.Effects(nil) {
					if e.Kind == Data {
						received[e.Channel] = append(received[e.Channel], e.Data...)
						s.Consumed(e.Channel, len(e.Data))
					}
				}
			}
		}
		got.Write(s.Output(nil))
	}
	if !bytes.Equal(got.Bytes(), want.Bytes()) {
		t.Errorf("sent\n%x\nwant\n%x", got.Bytes(), want.Bytes())
	}
	for _, f := range frames {
		if !f.sent && f.channel != Control && f.channel != Protocol {
			rest, ok := bytes.CutPrefix(received[f.channel], f.payload)
			if !ok {
				t.Errorf("channel %d: did not receive %.40q", f.channel, f.payload)
			}
			received[f.channel] = rest
		}
	}
	if stats := s.Stats(); stats.Stray != 0 || stats.Ignored != 0 || s.version != 1 {
		t.Errorf("stats %+v, version %d", stats, s.version)
	}
}

// ask makes s send the frame f.
func ask(t *testing.T, s *Session, f traceFrame) {
	t.Helper()
	switch {
	case f.channel == Protocol && bytes.Equal(f.payload, appendVersion(nil)): // by New
	case f.channel == Protocol:
		s.Beacon(now)
	case f.channel != Control:
		if n, err := s.Write(f.channel, f.payload); n != len(f.payload) || err != nil {
			t.Fatalf("Write took %d of %d bytes: %v", n, len(f.payload), err)
		}
	default:
		r := msgpack.NewReader(f.payload)
		r.Array()
		name, number := string(r.Str()), uint16(r.Uint())
		var err error
		switch r.Uint() {
		case stateRequest:
			s.next, s.last = int(number), int(number) // numbers were random then
			_, err = s.Open(now, name)
		case stateAccept:
			err = s.Accept(number)
		case stateDecline:
			err = s.Decline(number)
		}
		if err != nil {
			t.Fatalf("%q: %v", f.payload, err)
		}
	}
}
