package dbus

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"rollcall/contact"
	"rollcall/daemon"
	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/presence"
	"rollcall/talk"
)

const account = daemon.AccountID("0123456789abcdef")

var (
	bob     = infohash.SumString("bob")
	request = daemon.Request{
		ID: infohash.SumString("request").String(), From: bob, Payload: []byte("FN:Bob"), Title: "Bob", Received: time.Unix(1_700_000_000, 0),
	}
)

// quiet returns the request as one that is not to ask for attention.
func quiet() daemon.Request {
	r := request
	r.Quiet = true
	return r
}

// show writes signals one a line: name, signature, arguments after the account.
func show(signals []signal) string {
	var b strings.Builder
	for _, s := range signals {
		fmt.Fprintf(&b, "%s %s", s.name, dbus.SignatureOf(s.args...))
		for _, arg := range s.args {
			if arg != string(account) {
				fmt.Fprintf(&b, " %v", arg)
			}
		}
		b.WriteByte('\n')
	}
	text := strings.NewReplacer(bob.String(), "BOB", request.ID, "REQUEST").Replace(b.String())
	return strings.TrimSuffix(text, "\n")
}

func TestSignals(t *testing.T) {
	both, old, recent, documented := []Generation{Generation2023, Generation2026}, []Generation{Generation2023}, []Generation{Generation2026}, []Generation{Documented}
	const (
		received = "conversationRequestReceived ssa{ss} REQUEST map[from:BOB id:REQUEST received:1700000000 title:Bob]"
		incoming = "incomingTrustRequest sssayt REQUEST BOB [70 78 58 66 111 98] 1700000000"
	)
	tests := []struct {
		name        string
		generations []Generation
		change      daemon.Change
		want        []string
	}{
		{"accounts", both, daemon.AccountsChanged{}, []string{"accountsChanged "}},
		{"state", both, daemon.RegistrationChanged{State: daemon.Registered}, []string{"registrationStateChanged ssis REGISTERED 0 "}},
		{"state and reason", both, daemon.RegistrationChanged{State: daemon.ErrorGeneric, Text: "no"}, []string{"registrationStateChanged ssis ERROR_GENERIC 0 no"}},
		{"details", both, daemon.DetailsChanged{Details: daemon.Details{"a": "b"}}, []string{"accountDetailsChanged sa{ss} map[a:b]"}},
		{"volatile details", both, daemon.VolatileChanged{Details: daemon.Details{"a": "b"}}, []string{"volatileAccountDetailsChanged sa{ss} map[a:b]"}},
		{
			"devices", both,
			daemon.DevicesChanged{Devices: []daemon.Device{{ID: value.LongID{1}, Name: "laptop"}}},
			[]string{"knownDevicesChanged sa{ss} map[01" + strings.Repeat("0", 62) + ":laptop]"},
		},
		{"contact", both, daemon.ContactAdded{Peer: bob, Confirmed: true}, []string{"contactAdded ssb BOB true"}},
		{"removed", both, daemon.ContactRemoved{Peer: bob}, []string{"contactRemoved ssb BOB false"}},
		{"banned", both, daemon.ContactRemoved{Peer: bob, Banned: true}, []string{"contactRemoved ssb BOB true"}},

		{"request", both, daemon.RequestReceived{Request: request}, []string{incoming, received}},
		{"request, 2026", recent, daemon.RequestReceived{Request: request}, []string{incoming, received}},
		{
			"request, documented", documented,
			daemon.RequestReceived{Request: request},
			[]string{"incomingTrustRequest ssayt BOB [70 78 58 66 111 98] 1700000000", received},
		},
		{
			"request, all", generations,
			daemon.RequestReceived{Request: request},
			[]string{incoming, "incomingTrustRequest ssayt BOB [70 78 58 66 111 98] 1700000000", received},
		},
		{"newer request", both, daemon.RequestReceived{Request: request, Replaces: "old"}, []string{"conversationRequestDeclined ss old", incoming, received}},
		{"quiet request", both, daemon.RequestReceived{Request: quiet()}, nil},
		{"accepted", both, daemon.RequestClosed{Request: request, Reason: contact.Accepted}, []string{"conversationRemoved ss REQUEST"}},
		{"discarded", both, daemon.RequestClosed{Request: request, Reason: contact.Discarded}, []string{"conversationRequestDeclined ss REQUEST"}},
		{"blocked", both, daemon.RequestClosed{Request: request, Reason: contact.Blocked}, []string{"conversationRequestDeclined ss REQUEST"}},
		{"evicted", both, daemon.RequestClosed{Request: request, Reason: contact.Evicted}, []string{"conversationRequestDeclined ss REQUEST"}},

		{
			"online", both,
			daemon.PresenceChanged{Peer: bob, Status: presence.Online, Subscribed: true},
			[]string{"newBuddyNotification ssbs BOB true ", "newBuddyNotification ssis BOB 1 "},
		},
		{"online, 2023", old, daemon.PresenceChanged{Peer: bob, Status: presence.Online, Contact: true}, []string{"newBuddyNotification ssbs BOB true "}},
		{
			"connected after online", both,
			daemon.PresenceChanged{Peer: bob, Status: presence.Connected, Was: presence.Online, Subscribed: true},
			[]string{"newBuddyNotification ssis BOB 2 "},
		},
		{
			"online after connected, 2023", old,
			daemon.PresenceChanged{Peer: bob, Status: presence.Online, Was: presence.Connected, Subscribed: true},
			nil,
		},
		{
			"offline after connected", both,
			daemon.PresenceChanged{Peer: bob, Status: presence.Offline, Was: presence.Connected, Subscribed: true},
			[]string{"newBuddyNotification ssbs BOB false ", "newBuddyNotification ssis BOB 0 "},
		},
		{"connected, 2026", recent, daemon.PresenceChanged{Peer: bob, Status: presence.Connected, Subscribed: true}, []string{"newBuddyNotification ssis BOB 2 "}},
		{
			"note, documented",
			[]Generation{Documented, Generation2026},
			daemon.PresenceChanged{Peer: bob, Status: presence.Connected, Note: "Lunch", Contact: true},
			[]string{"newBuddyNotification ssis BOB 2 Lunch"},
		},
		{
			"offline", both,
			daemon.PresenceChanged{Peer: bob, Subscribed: true},
			[]string{"newBuddyNotification ssbs BOB false ", "newBuddyNotification ssis BOB 0 "},
		},
		{"of nobody's interest", both, daemon.PresenceChanged{Peer: bob, Status: presence.Online}, nil},

		{
			"text", both,
			daemon.TextReceived{Peer: bob, ID: 0x147e78dc02807, Type: "text/plain", Content: "hello"},
			[]string{"incomingAccountMessage sssa{ss} BOB 000147e78dc02807 map[text/plain:hello]"},
		},
		{
			"text of ours", both,
			daemon.TextChanged{Peer: bob, ID: 77, Status: talk.Sent},
			[]string{"accountMessageStatusChanged ssssi  BOB 77 2"},
		},
		{"own note", both, daemon.NoteChanged{Note: daemon.Note{Text: "Lunch"}}, nil},
		{"outgoing", both, daemon.OutgoingChanged{Peer: bob}, nil},
		{"lease", both, daemon.LeaseChanged{Lease: time.Minute}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &face{generations: tt.generations}
			signals := f.signals(daemon.Event{Account: account, Change: tt.change})
			if got, want := show(signals), strings.Join(tt.want, "\n"); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			checkDeclared(t, signals)
		})
	}
}

func TestRegisteredNameFound(t *testing.T) {
	for _, tt := range []struct {
		generations []Generation
		want        []string
	}{
		{[]Generation{Generation2023, Documented}, []string{"registeredNameFound siss 0 BOB bob"}},
		{[]Generation{Documented}, []string{"registeredNameFound siss 0 BOB bob"}},
		{[]Generation{Generation2026}, []string{"registeredNameFound ssiss Bob 0 BOB bob"}},
		{[]Generation{Generation2026, Generation2023}, []string{"registeredNameFound siss 0 BOB bob", "registeredNameFound ssiss Bob 0 BOB bob"}},
	} {
		f := &face{generations: tt.generations}
		signals := f.registeredNameFound(account, "Bob", nameFound, bob.String(), "bob")
		if got, want := show(signals), strings.Join(tt.want, "\n"); got != want {
			t.Errorf("%q: got\n%s\nwant\n%s", tt.generations, got, want)
		}
		checkDeclared(t, signals)
	}
}

// checkDeclared checks that the interfaces have the signals.
func checkDeclared(t *testing.T, signals []signal) {
	t.Helper()
	for _, s := range signals {
		members, err := declared(s.iface)
		if err != nil {
			t.Fatal(err)
		}
		types := ""
		if len(s.args) > 0 {
			types = dbus.SignatureOf(s.args...).String()
		}
		if !slices.ContainsFunc(members, func(m member) bool {
			return m.kind == "signal" && m.name == s.name && signature(m.in) == types
		}) {
			t.Errorf("signal %s.%s(%s) is not declared", s.iface, s.name, types)
		}
	}
}

func TestParsePeer(t *testing.T) {
	id := bob.String()
	for _, uri := range []string{id, strings.ToUpper(id), id + strings.Repeat("f", 24), id + strings.Repeat("F", 24)} {
		if got, err := parsePeer(uri); err != nil || got != bob {
			t.Errorf("%q: %v, %v", uri, got, err)
		}
	}
	for _, uri := range []string{
		"", "xyz", id[:38], id + "00", "g" + id[1:], "name@host", "ring:" + id, "jami:" + id,
		id + strings.Repeat("g", 24), id + strings.Repeat("f", 25), strings.Repeat("0", 40),
	} {
		if got, err := parsePeer(uri); err == nil {
			t.Errorf("%q: %v", uri, got)
		}
	}
}
