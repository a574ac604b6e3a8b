package exchange

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"rollcall/channel/message"
	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/pidf"
	"rollcall/sip"
)

// FuzzReceived gives an exchange anything by a channel and holds it to this: it
// keeps nothing of a channel that it closes, and answers no more than it is sent.
func FuzzReceived(f *testing.F) {
	note := message.Record{ID: 5, Type: pidf.MIMEType, Content: string(pidf.Append(nil, "Lunch"))}
	text := sip.Outgoing{Branch: "b", Tag: "t", CallID: "c", ID: 6, Type: plainText, Body: []byte("hello")}
	f.Add(note.Append(note.Append(nil)), false, 7)
	f.Add(text.Append(text.Append(nil)), true, 50)
	f.Add([]byte("INVITE sip:a SIP/2.0\r\nl:0\r\n\r\nACK sip:a SIP/2.0\r\nl:0\r\n\r\nSIP/2.0 200 OK\r\nl:0\r\n\r\n"), true, 1000)
	f.Fuzz(func(t *testing.T, stream []byte, bySIP bool, piece int) {
		if piece < 1 || len(stream) > sip.MaxReceived {
			return
		}
		now := time.Unix(1_800_000_000, 0)
		x := New(Config{Contact: func(infohash.Hash) bool { return true }}, rand.New(rand.NewPCG(1, 2)))
		kind := Records
		if bySIP {
			kind = SIP
		}
		x.SetNote(now, Note{Text: "Busy"})
		x.Connected(now, 1, infohash.SumString("them"), value.LongID{1}, netip.AddrPort{}, netip.AddrPort{})
		x.Opened(now, 1, 2, kind)
		open := true
		for chunk := stream; len(chunk) > 0; chunk = chunk[min(piece, len(chunk)):] {
			x.Received(now, 2, chunk[:min(piece, len(chunk))])
			for _, e := range x.Effects(nil) {
				switch e := e.(type) {
				case Close:
					open = false
				case NoteReceived:
					if len(e.Text) > 3*MaxNote { // of which each byte became U+FFFD
						t.Errorf("a note of %d bytes", len(e.Text))
					}
				case Write:
					if !open {
						t.Error("writes to a channel that is closed")
					}
				}
			}
		}
		if x.channels[2] != nil != open {
			t.Errorf("the channel is open: %v, known: %v", open, !open)
		}
		x.Disconnected(now, 1)
		if len(x.conns)+len(x.channels)+len(x.devices) > 0 {
			t.Error("something is left of the connection")
		}
	})
}

func BenchmarkReceived(b *testing.B) {
	now := time.Unix(1_800_000_000, 0)
	x := New(Config{Contact: func(infohash.Hash) bool { return true }}, rand.New(rand.NewPCG(1, 2)))
	for i := range ConnID(1000) {
		x.Connected(now, i, infohash.SumString(string(rune(i))), value.LongID{byte(i), byte(i >> 8)}, netip.AddrPort{}, netip.AddrPort{})
		x.Opened(now, i, ChannelID(2*i), Records)
		x.Opened(now, i, ChannelID(2*i+1), SIP)
	}
	record := message.Record{ID: 5, Type: plainText, Content: "hello"}
	var effects []Effect
	for b.Loop() {
		record.ID++
		now = now.Add(time.Second)
		x.Received(now, ChannelID(2*(record.ID%1000)), record.Append(nil))
		effects = x.Effects(effects[:0])
		x.NextDeadline()
	}
}
