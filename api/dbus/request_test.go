package dbus

import (
	"strings"
	"testing"

	"rollcall/dht"
	"rollcall/dht/infohash"
)

// people is a client whose daemon has bob, and an account for each who asks him.
type people struct {
	*desktop
	bob, uri string
}

// ask sends bob a request from a new account, and returns its uri and the id by
// which bob knows the request.
func (c people) ask() (from, request string) {
	c.t.Helper()
	alice, from := c.addAccount("alice")
	c.wait("registrationStateChanged", alice, "REGISTERED")
	c.want("", "sendTrustRequest", alice, c.uri, []byte("BEGIN:VCARD\nVERSION:2.1\nFN:Alice\nEND:VCARD\xff"))

	incoming, _ := c.wait("incomingTrustRequest", c.bob)
	received, between := c.wait("conversationRequestReceived", c.bob)
	request = received.Body[1].(string)
	if _, err := infohash.Parse(request); err != nil || incoming.Body[1] != request || incoming.Body[2] != from || len(between) != 0 {
		c.t.Errorf("%v, %v, %v", incoming.Body, between, received.Body)
	}
	if details := received.Body[2].(map[string]string); details["title"] != "Alice" || details["from"] != from || details["id"] != request {
		c.t.Errorf("details %q", details)
	}
	c.want("map[mode:0 title:Alice]", "conversationInfos", c.bob, request)
	pending := c.call("ConfigurationManager.getTrustRequests", c.bob)
	if !strings.Contains(pending, "conversationId:"+request) || !strings.Contains(pending, "END:VCARD\uFFFD") {
		c.t.Errorf("pending requests %s", pending)
	}
	return from, request
}

// decided waits for two signals about bob's list, one after the other, and checks
// that no request is left.
func (c people) decided(first string, firstArg any, second string, secondArgs ...any) {
	c.t.Helper()
	c.wait(first, c.bob, firstArg)
	_, between := c.wait(second, append([]any{c.bob}, secondArgs...)...)
	for _, s := range between {
		if s.Body[0] == c.bob && (strings.Contains(s.Name, ".conversation") || strings.Contains(s.Name, ".contact")) {
			c.t.Errorf("%s%v between %s and %s", s.Name, s.Body, first, second)
		}
	}
	c.want("[]", "getTrustRequests", c.bob)
	c.want("[]", "getConversationRequests", c.bob)
}

// TestRequests plays both sides of trust requests (dbus spec 5.3, 5.4).
func TestRequests(t *testing.T) {
	node, err := dht.Open(t.Context(), loopback)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { node.Close() })
	c := people{desktop: newDesktop(t, node.Addrs()[0].String())}
	c.bob, c.uri = c.addAccount("bob")
	c.wait("registrationStateChanged", c.bob, "REGISTERED")

	from, request := c.ask()
	c.want("", "acceptConversationRequest", c.bob, request)
	c.decided("conversationRemoved", request, "contactAdded", from, true)
	c.want("map[]", "conversationInfos", c.bob, request)

	from, request = c.ask()
	c.want("true", "acceptTrustRequest", c.bob, from)
	c.decided("conversationRemoved", request, "contactAdded", from, true)

	from, request = c.ask()
	c.want("", "declineConversationRequest", c.bob, request)
	c.wait("conversationRequestDeclined", c.bob, request)
	c.want("false", "discardTrustRequest", c.bob, from)

	from, request = c.ask()
	c.want("", "removeContact", c.bob, from, true)
	c.decided("conversationRequestDeclined", request, "contactRemoved", from, true)
}
