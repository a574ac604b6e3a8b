package dbus

import (
	"context"
	"fmt"
	"strconv"

	"rollcall/daemon"
)

func (f *face) texts() []handler {
	return []handler{
		{"sendTextMessage", f.sendTextMessage},
		{"sendTextMessage", f.sendFlaggedMessage},
		{"getMessageStatus", f.getMessageStatus},
	}
}

// publish tells contacts a note; the status is theirs to see. Clients are told no
// errors, so that what the programs of others cannot show of it is left out.
func (f *face) publish(ctx context.Context, id daemon.AccountID, _ bool, note string) {
	sent, err := f.daemon.PublishNote(ctx, id, daemon.Note{Text: note}, daemon.AdaptNote)
	if f.ok("publish", err) && sent.Text != note {
		f.log.Info("others cannot show the note as it is", "note", note, "sent", sent.Text)
	}
}

// sendTextMessage returns the id of the message, 0 when it cannot be sent: nobody
// is there, or it has more than one form.
func (f *face) sendTextMessage(ctx context.Context, id daemon.AccountID, uri string, payloads map[string]string) uint64 {
	peer, err := parsePeer(uri)
	if err == nil && len(payloads) != 1 {
		err = &daemon.InvalidError{Field: "payloads", Value: fmt.Sprintf("%d forms", len(payloads)), Want: "one"}
	}
	var message uint64
	for mediaType, content := range payloads {
		if err == nil {
			message, err = f.daemon.SendText(ctx, id, peer, mediaType, content)
		}
	}
	if !f.ok("sendTextMessage", err) {
		return 0
	}
	return message
}

func (f *face) sendFlaggedMessage(ctx context.Context, id daemon.AccountID, uri string, payloads map[string]string, _ int32) uint64 {
	return f.sendTextMessage(ctx, id, uri, payloads)
}

// getMessageStatus returns the status of one of our texts, 0 for any that is not one
// of the latest.
func (f *face) getMessageStatus(message uint64) int32 { return int32(f.daemon.TextStatus(message)) }

// textReceived tells a message. Daemons put the sender before the id, whatever the
// names of the arguments say.
func textReceived(id string, c daemon.TextReceived) signal {
	return configurationSignal("incomingAccountMessage", id, c.Peer.String(), fmt.Sprintf("%016x", c.ID), map[string]string{c.Type: c.Content})
}

// textChanged tells the status of one of ours, which belongs to no conversation. It
// is named by the number that sendTextMessage returned.
func textChanged(id string, c daemon.TextChanged) signal {
	return configurationSignal("accountMessageStatusChanged", id, "", c.Peer.String(), strconv.FormatUint(c.ID, 10), int32(c.Status))
}
