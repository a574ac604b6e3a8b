package account

import (
	"context"
	"io"
	"net"
	"slices"
	"time"

	"rollcall/peer"
)

// talkDelay is how long the side that was asked for a connection leaves it to the
// other to open the channels: one of each kind will do.
const talkDelay = time.Second

// talks keeps a channel of each kind open by which people talk, on every
// connection. What comes on them is read and dropped.
func talks(c *peer.Conn, name string) func(net.Conn) {
	if !peer.Talk(name) {
		return nil
	}
	return drain
}

// openTalks opens the channels that the peer has not opened.
func openTalks(ctx context.Context, c *peer.Conn) {
	if !c.Info().Asked && !pause(ctx, talkDelay) {
		return
	}
	open := c.Info().Channels
	for _, name := range []string{peer.MessageChannel(c.Device()), peer.SIPChannel} {
		if slices.ContainsFunc(open, func(o string) bool { return o == peer.SIPChannel == (name == peer.SIPChannel) && peer.Talk(o) }) {
			continue
		}
		if ch, err := c.Open(ctx, name); err == nil {
			go drain(ch)
		}
	}
}

func drain(ch net.Conn) {
	defer ch.Close()
	_, _ = io.Copy(io.Discard, ch)
}
