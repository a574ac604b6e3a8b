package sip

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"rollcall/dht/infohash"
	"rollcall/pidf"
)

// vector returns a message that a daemon of 2023 sent.
func vector(tb testing.TB, name string) []byte {
	tb.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		tb.Fatal(err)
	}
	return bytes.TrimSuffix(b, []byte("\n")) // of the file
}

// traced returns the SIP messages of a session with such a daemon, in order: ours
// begin with >, its own with <.
func traced(tb testing.TB) []string {
	tb.Helper()
	f, err := os.Open("testdata/mux-requester.trace")
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	var messages []string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		parts := strings.Fields(lines.Text()) // direction, channel, length, payload
		if len(parts) != 4 {
			continue
		}
		payload, err := hex.DecodeString(parts[3])
		if err != nil {
			tb.Fatal(err)
		}
		if bytes.Contains(payload, []byte("SIP/2.0")) {
			messages = append(messages, parts[0]+string(payload))
		}
	}
	if len(messages) != 8 {
		tb.Fatalf("%d messages in the trace, want 8", len(messages))
	}
	return messages
}

// decode feeds stream in pieces and returns all messages.
func decode(d *Decoder, stream []byte, piece int) (messages []Received, err error) {
	for chunk := range slices.Chunk(stream, piece) {
		d.Feed(chunk)
		for {
			m, ok, err := d.Next()
			if err != nil {
				return messages, err
			}
			if !ok {
				break
			}
			messages = append(messages, m)
		}
	}
	return messages, nil
}

func one(t *testing.T, stream string) Received {
	t.Helper()
	messages, err := decode(new(Decoder), []byte(stream), len(stream))
	if err != nil || len(messages) != 1 {
		t.Fatalf("%d messages, %v, of %q", len(messages), err, stream)
	}
	return messages[0]
}

// TestTrace replays a session: what we sent then, we send now, byte for byte.
func TestTrace(t *testing.T) {
	messages := traced(t)
	note := &Outgoing{
		From:  infohash.ParseKey("acefc85fe1c574502bba0219ef53b4836e97d5b5"),
		To:    infohash.ParseKey("e12da3150df7717cb748b6303ebde0b329e6a787"),
		Local: netip.MustParseAddrPort("10.83.0.12:33305"), Remote: netip.MustParseAddrPort("10.83.0.11:57039"),
		Branch: "2efa12a82639d998", Tag: "cf9592184721", CallID: "bd6a1ab8bbb828538db67ef9",
		ID: 0x18e9dbbe77505c2a, Type: pidf.MIMEType, Body: pidf.Append(nil, "Lunch Time!"),
	}
	if got := string(note.Append(nil)); got != messages[0][1:] {
		t.Errorf("got\n%s\nwant\n%s", got, messages[0][1:])
	}
	if answer := one(t, messages[1][1:]); answer.Status != StatusOK || answer.Header("call-id") != note.CallID {
		t.Errorf("answer %+v", answer)
	}
	for i := 2; i < len(messages); i += 2 {
		request, want := one(t, messages[i][1:]), messages[i+1][1:]
		if request.Method != Message || request.ContentType() != "text/plain" || !strings.HasPrefix(string(request.Body), "hello") {
			t.Errorf("request %+v", request)
		}
		if got := string(AppendAnswer(nil, &request, Answer(request.Method), "z9hGprobe")); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
}

func TestReceived(t *testing.T) {
	m := one(t, string(vector(t, "sip-message-from-jamid.txt")))
	got := fmt.Sprintf("%s %d %s %x %q %q", m.Method, m.Status, m.ContentType(), m.MessageID(), m.Body, m.Header("user-agent"))
	want := `MESSAGE 0 text/plain 147e78dc02807 "hello from alice" "Jami Daemon 13.7.0 (linux)"`
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if m := one(t, string(vector(t, "sip-200-from-jamid.txt"))); m.Status != 200 || m.Method != "" || len(m.Body) != 0 {
		t.Errorf("answer %+v", m)
	}
}

func TestDecoder(t *testing.T) {
	const uri = "sip:a@b SIP/2.0\r\n"
	long := "X: " + strings.Repeat("x", maxHead)
	tests := []struct {
		name, stream string
		want         []string // method or status, and body
		err          error
	}{
		{"two", "MESSAGE " + uri + "Content-Length: 2\r\n\r\nhiINFO " + uri + "l:0\r\n\r\n", []string{"MESSAGE hi", "INFO "}, nil},
		{"keepalives", "\r\n\r\n\r\nINFO " + uri + "L : 1 \r\n\r\n\n\r\n", []string{"INFO \n"}, nil},
		{"part", "\r\nINFO " + uri + "Content-Length: 5\r\n\r\nhi", nil, nil},
		{"folded", "INFO " + uri + "Content-Length:\r\n \t 2\r\n\r\nhi", []string{"INFO hi"}, nil},
		{"odd headers", "INFO " + uri + "Via: \r\nCSeq: ?\r\nContact: <<\r\nMax-Forwards: many\r\nl: 0\r\n\r\n", []string{"INFO "}, nil},
		{"response", "SIP/2.0 486 Busy Here\r\nl: 0\r\n\r\n", []string{"486 "}, nil},
		{"no length", "INFO " + uri + "\r\n", nil, ErrFormat},
		{"two lengths", "INFO " + uri + "l: 0\r\nContent-Length: 0\r\n\r\n", nil, ErrFormat},
		{"negative length", "INFO " + uri + "l: -1\r\n\r\n", nil, ErrFormat},
		{"long body", "INFO " + uri + "l: 65536\r\n\r\n", nil, ErrTooLong},
		{"endless body", "INFO " + uri + "l: 99999999999999999999\r\n\r\n", nil, ErrFormat},
		{"no start", "hello\r\n\r\n", nil, ErrFormat},
		{"no method", " sip:a@b SIP/2.0\r\nl: 0\r\n\r\n", nil, ErrFormat},
		{"no such status", "SIP/2.0 99 x\r\nl: 0\r\n\r\n", nil, ErrFormat},
		{"no header", "INFO " + uri + "hello\r\nl: 0\r\n\r\n", nil, ErrFormat},
		{"bare line end", "INFO " + uri + "X: a\nVia: b\r\nl: 0\r\n\r\n", nil, ErrFormat},
		{"long head", "INFO " + uri + long, nil, ErrTooLong},
		{"many headers", "INFO " + uri + strings.Repeat("X:\r\n", maxHeaders) + "l: 0\r\n\r\n", nil, ErrTooLong},
	}
	for _, tt := range tests {
		for _, piece := range []int{1, 7, 1 << 20} {
			t.Run(tt.name, func(t *testing.T) {
				var d Decoder
				messages, err := decode(&d, []byte(tt.stream), piece)
				var got []string
				for _, m := range messages {
					what := m.Method
					if m.Status != 0 {
						what = fmt.Sprint(m.Status)
					}
					got = append(got, what+" "+string(m.Body))
				}
				if !slices.Equal(got, tt.want) || !errors.Is(err, tt.err) {
					t.Errorf("got %q, %v", got, err)
				}
				if err == nil {
					return
				}
				d.Feed([]byte(tests[0].stream))
				if _, ok, again := d.Next(); ok || again != err || len(d.buf) > 0 {
					t.Errorf("after the error: %v, %v, %d bytes held", ok, again, len(d.buf))
				}
			})
		}
	}
}

func TestAppendAnswer(t *testing.T) {
	const rest = "f: <sip:a@b>;tag=1\r\nVia: SIP/2.0/TCP h;branch=x, SIP/2.0/TCP g\r\nv: SIP/2.0/TCP i\r\nl: 0\r\n\r\n"
	const vias = "Via: SIP/2.0/TCP h;branch=x, SIP/2.0/TCP g\r\nVia: SIP/2.0/TCP i\r\nFrom: <sip:a@b>;tag=1\r\n"
	tests := []struct{ method, to, want string }{
		{"OPTIONS", "sip:c@d", "SIP/2.0 200 OK\r\n" + vias + "To: sip:c@d;tag=our\r\n"},
		{"NOTIFY", "sip:c@d;x;TAG = 2", "SIP/2.0 200 OK\r\n" + vias + "To: sip:c@d;x;TAG = 2\r\n"},
		{"INVITE", "<sip:c@d;tag=2>", "SIP/2.0 603 Decline\r\n" + vias + "To: <sip:c@d;tag=2>;tag=our\r\n"},
		{"BYE", "<sip:c@d>;tag=2", "SIP/2.0 481 Call/Transaction Does Not Exist\r\n" + vias + "To: <sip:c@d>;tag=2\r\n"},
	}
	for _, tt := range tests {
		request := one(t, tt.method+" sip:c@d SIP/2.0\r\nt: "+tt.to+"\r\n"+rest)
		got := string(AppendAnswer(nil, &request, Answer(request.Method), "our"))
		if want := tt.want + "Content-Length: 0\r\n\r\n"; got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.method, got, want)
		}
		if response := one(t, got); response.Status != Answer(tt.method) {
			t.Errorf("%s: read back as %+v", tt.method, response)
		}
	}
	if got := Answer(Ack); got != 0 {
		t.Errorf("an ACK is answered by %d", got)
	}
}

// TestOutgoingWithoutAddresses covers what a relay or a test connection has.
func TestOutgoingWithoutAddresses(t *testing.T) {
	m := &Outgoing{Remote: netip.MustParseAddrPort("[fe80::1%eth0]:5"), Type: "text/plain", Body: []byte("déjà")}
	got := one(t, string(m.Append(nil)))
	if string(got.Body) != "déjà" || !strings.Contains(got.Header("to"), "@[fe80::1]:5>") || !strings.Contains(got.Header("via"), " ring.dht;") {
		t.Errorf("read back as %+v", got)
	}
}

func FuzzDecoder(f *testing.F) {
	for _, m := range traced(f) {
		f.Add([]byte(m[1:]+m[1:]), 11)
	}
	f.Add([]byte("\r\nMESSAGE sip:[::1]:5?a=b&c SIP/2.0\r\nv:a\r\n b\r\nl: 1\r\n\r\nxINVITE * SIP/2.0\r\n\r\n"), 3)
	f.Add([]byte("MESSAGE sip:a;b=\"c\";d?e SIP/2.0\r\nl:0\r\n\r\n"), 5)
	f.Fuzz(func(t *testing.T, stream []byte, piece int) {
		if piece < 1 || len(stream) > MaxReceived {
			return
		}
		var whole, pieces Decoder
		want, err := decode(&whole, stream, len(stream)+1)
		got, err2 := decode(&pieces, stream, piece)
		// In pieces an end that is missing may be noticed later than a limit.
		if !reflect.DeepEqual(got, want) || err != err2 && err != ErrTooLong {
			t.Errorf("whole: %v, %v; in pieces of %d: %v, %v", want, err, piece, got, err2)
		}
		for _, m := range want {
			if m.Method == "" {
				continue
			}
			answer := AppendAnswer(nil, &m, StatusOK, "t")
			if len(answer) > 2*maxHead {
				continue // titles in the place of compact names make it longer
			}
			back, err := decode(new(Decoder), answer, len(answer))
			if err != nil && !errors.Is(err, ErrTooLong) || err == nil && (len(back) != 1 || back[0].Status != StatusOK) {
				t.Errorf("answer %q is read back as %v, %v", answer, back, err)
			}
		}
	})
}
