package dbus

import (
	"testing"

	"rollcall/dht"
)

// TestTalk is what two people's clients do and see of notes and texts.
func TestTalk(t *testing.T) {
	t.Parallel()
	node, err := dht.Open(t.Context(), loopback)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { node.Close() })
	bootstrap := node.Addrs()[0].String()
	here, there := newDesktop(t, bootstrap, Generation2026), newDesktop(t, bootstrap)
	a, alice := here.addAccount("alice")
	b, bob := there.addAccount("bob")
	here.call("PresenceManager.publish", a, true, "Lunch Time!")
	here.call("ConfigurationManager.sendTrustRequest", a, bob, []byte("FN:Alice"))
	there.wait("incomingTrustRequest", b)
	there.want("true", "acceptTrustRequest", b, alice)
	there.wait("newBuddyNotification", b, alice, true, "Lunch Time")
	there.wait("newBuddyNotification", b, alice, int32(2), "Lunch Time")

	here.call("PresenceManager.publish", a, false, "Lunch Time!")
	there.wait("newBuddyNotification", b, alice, int32(2), "Lunch Time")
	here.call("PresenceManager.publish", a, true, "")
	there.wait("newBuddyNotification", b, alice, int32(2), "")

	id := there.call("ConfigurationManager.sendTextMessage", b, alice, map[string]string{"text/plain": "Enjoy!"}, int32(0))
	if id == "0" {
		t.Fatal("the text is not sent")
	}
	there.wait("accountMessageStatusChanged", b, "", alice, id, int32(1))
	there.wait("accountMessageStatusChanged", b, "", alice, id, int32(2))
	text, _ := here.wait("incomingAccountMessage", a)
	if payloads, ok := text.Body[3].(map[string]string); !ok || text.Body[1] != bob || payloads["text/plain"] != "Enjoy!" || len(payloads) != 1 {
		t.Errorf("text %v", text.Body)
	}
	here.want("0", "sendTextMessage", a, "xyz", map[string]string{"text/plain": "x"})
	here.want("0", "sendTextMessage", a, alice, map[string]string{"text/plain": "x"})
	here.want("0", "sendTextMessage", a, bob, map[string]string{})
	here.want("0", "sendTextMessage", a, bob, map[string]string{"text/plain": "x", "text/html": "x"})
	here.want("0", "sendTextMessage", "nobody", bob, map[string]string{"text/plain": "x"})
}
