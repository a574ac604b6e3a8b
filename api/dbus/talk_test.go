package dbus

import (
	"regexp"
	"strconv"
	"testing"

	"rollcall/dht"
)

// lookAtConnections expects connections of an account with one other.
func (c *desktop) lookAtConnections(account, peer string) {
	c.t.Helper()
	connection := regexp.MustCompile(`^\[(?:map\[created:1\d{12} device:[0-9a-f]{64} id:(\d+) peer:` + peer +
		` remoteAddress:127\.0\.0\.1:\d+ rx:[1-9]\d+ status:0 tx:[1-9]\d+\] ?)+\]$`)
	list := c.call("ConfigurationManager.getConnectionList", account, "")
	id := connection.FindStringSubmatch(list)
	if id == nil {
		c.t.Fatalf("connections %s", list)
	}
	c.want(list, "getConnectionList", account, peer)
	c.want("[]", "getConnectionList", account, account)
	channel := regexp.MustCompile(`^\[(?:map\[created:1\d{12} id:[0-9a-f]+ name:(?:sip|msg:[0-9a-f]{64}) rx:\d+ tx:\d+\] ?)+\]$`)
	if list := c.call("ConfigurationManager.getChannelList", account, id[1]); !channel.MatchString(list) {
		c.t.Errorf("channels %s", list)
	}
	c.want("[]", "getChannelList", account, "0")
	c.want("[]", "getConnectionList", "nobody", "")
}

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
	number, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	there.want("2", "getMessageStatus", number)
	there.want("0", "getMessageStatus", number+1)
	there.lookAtConnections(b, alice)
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
