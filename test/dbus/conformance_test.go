//go:build peers

// Package dbus tests Jami daemons of every implementation by one script over
// D-Bus: what they declare, what they answer to good and to bad input, and how
// they start and end. The runs without a daemon of ours are the control.
package dbus

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/godbus/dbus/v5/introspect"

	"rollcall/test/netns"
	"rollcall/test/peers"
)

// limit bounds one test.
const limit = 5 * time.Minute

// kinds are the implementations of the daemon.
var kinds = []peers.DaemonKind{peers.Jamid, peers.RollcallDaemon()}

var objects = []string{
	"Instance", "ConfigurationManager", "PresenceManager", "CallManager", "VideoManager", "PluginManagerInterface",
}

// everyKind runs a test with every implementation, side by side.
func everyKind(t *testing.T, test func(t *testing.T, ctx context.Context, kind peers.DaemonKind)) {
	for _, kind := range kinds {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			test(t, ctx, kind)
		})
	}
}

// start starts a daemon with an account that is registered.
func start(t *testing.T, ctx context.Context, kind peers.DaemonKind) *peers.Account {
	t.Helper()
	network := netns.New(t)
	node := peers.DHTNode.Start(t, network.HostIPv4(), peers.NodeConfig{Port: 4222})
	account, err := kind.Start(t, network.HostIPv4()).AddAccount(ctx, "alice", node.Addr())
	if err != nil {
		t.Fatal(err)
	}
	return account
}

// call calls a method and returns its results.
func call(ctx context.Context, client *dbus.Conn, object, method string, args ...any) ([]any, error) {
	c := client.Object("cx.ring.Ring", dbus.ObjectPath("/cx/ring/Ring/"+object)).
		CallWithContext(ctx, "cx.ring.Ring."+object+"."+method, 0, args...)
	return c.Body, c.Err
}

// connect connects a client to the daemon's bus.
func connect(t *testing.T, d *peers.Daemon) *dbus.Conn {
	t.Helper()
	conn, err := dbus.Connect(d.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

const (
	stranger = "0123456789abcdef0123456789abcdef01234567"
	other    = "89abcdef0123456789abcdef0123456789abcdef"
	nobody   = "fedcba9876543210" // an account id that no daemon has
)

// malformed are no URIs to the contact methods (dbus spec 6).
var malformed = []string{
	"", "xyz", stranger[:38], "g" + stranger[1:], "name@host", "ring:" + stranger, "jami:" + stranger,
}

// answer is a call with the results that every daemon gives.
type answer struct {
	object, method string
	args           []any
	want           string // as fmt prints it
}

func configuration(want, method string, args ...any) answer {
	return answer{"ConfigurationManager", method, args, want}
}

// unknownAccount are the answers to an account id that does not exist.
func unknownAccount(id string) []answer {
	answers := []answer{
		configuration("[map[]]", "getAccountDetails", id),
		configuration("[map[]]", "getVolatileAccountDetails", id),
		configuration("[map[]]", "getKnownRingDevices", id),
		configuration("[map[]]", "getContactDetails", id, stranger),
		configuration("[[]]", "getContacts", id),
		configuration("[[]]", "getTrustRequests", id),
		configuration("[[]]", "getConversationRequests", id),
		configuration("[map[]]", "conversationInfos", id, stranger),
		configuration("[[]]", "getConversations", id),
		configuration("[[]]", "getCredentials", id),
		configuration("[map[]]", "getNearbyPeers", id),
		configuration("[[]]", "getCertificatesByStatus", id, "ALLOWED"),
		configuration("[map[EXIST:FAILED]]", "validateCertificate", id, stranger),
		{"PresenceManager", "getSubscriptions", []any{id}, "[[]]"},

		configuration("[false]", "acceptTrustRequest", id, stranger),
		configuration("[false]", "discardTrustRequest", id, stranger),
		configuration("[false]", "exportOnRing", id, ""),
		configuration("[false]", "exportToFile", id, "/nonexistent/archive", ""),
		configuration("[false]", "revokeDevice", id, "", stranger),
		configuration("[false]", "changeAccountPassword", id, "", ""),
		configuration("[false]", "registerName", id, "", "alice"),
		configuration("[false]", "searchUser", id, "alice"),
		configuration("[false]", "setCertificateStatus", id, stranger, "ALLOWED"),
		configuration("[false]", "removeConversation", id, stranger),

		configuration("[]", "addContact", id, stranger),
		configuration("[]", "removeContact", id, stranger, true),
		configuration("[]", "sendTrustRequest", id, stranger, []byte{}),
		configuration("[]", "setAccountDetails", id, map[string]string{"Account.displayName": "bob"}),
		configuration("[]", "sendRegister", id, false),
		configuration("[]", "acceptConversationRequest", id, stranger),
		configuration("[]", "declineConversationRequest", id, stranger),
		configuration("[true]", "isAllModerators", id),
		configuration("[true]", "isLocalModeratorsEnabled", id),
		{"PresenceManager", "subscribeBuddy", []any{id, stranger, true}, "[]"},
		{"PresenceManager", "publish", []any{id, true, "Lunch"}, "[]"},
		{"PresenceManager", "setSubscriptions", []any{id, []string{stranger}}, "[]"},
	}
	if id != "" {
		answers = append(answers,
			configuration("[false]", "lookupName", id, "", "alice"),
			configuration("[false]", "lookupAddress", id, "", stranger))
	}
	return answers
}

// badInput are the answers to what else is wrong in a call.
func badInput(id string) []answer {
	var answers []answer
	for _, uri := range malformed {
		answers = append(answers,
			configuration("[map[]]", "getContactDetails", id, uri),
			configuration("[false]", "acceptTrustRequest", id, uri),
			configuration("[false]", "discardTrustRequest", id, uri),
			configuration("[]", "sendTrustRequest", id, uri, []byte{}),
			configuration("[]", "removeContact", id, uri, false),
			configuration("[]", "removeContact", id, uri, true),
			configuration("[]", "addContact", id, uri),
		)
	}
	return append(answers,
		configuration("[]", "acceptConversationRequest", id, stranger),
		configuration("[]", "declineConversationRequest", id, stranger),
		configuration("[map[]]", "conversationInfos", id, stranger),
		configuration("[[]]", "getConversationMembers", id, stranger),
		configuration("[[]]", "getCertificatesByStatus", id, "PERHAPS"),
		configuration("[map[EXIST:FAILED]]", "validateCertificate", id, stranger),
		configuration("[map[]]", "getAccountTemplate", "NONE"),
		configuration("[false]", "changeAccountPassword", id, "wrong", "new"),
		configuration("[]", "setAccountDetails", id, map[string]string{"Account.username": "x", "No.Such": "x"}),
		configuration("[[]]", "getContacts", id),
		configuration("[[]]", "getTrustRequests", id),
		answer{"CallManager", "getCallList", []any{""}, "[[]]"},
		answer{"CallManager", "getConferenceList", []any{id}, "[[]]"},
	)
}

// TestBadInput: what cannot be done is answered by an empty or false value, never
// by an error, and changes nothing (dbus spec 6).
func TestBadInput(t *testing.T) {
	everyKind(t, func(t *testing.T, ctx context.Context, kind peers.DaemonKind) {
		account := start(t, ctx, kind)
		client := connect(t, account.Daemon)
		mark := account.Mark()
		for _, a := range slices.Concat(unknownAccount(nobody), unknownAccount(""), badInput(account.ID)) {
			got, err := call(ctx, client, a.object, a.method, a.args...)
			if err != nil || fmt.Sprint(got) != a.want {
				t.Errorf("%s%q: %v, %v, want %s", a.method, a.args, got, err, a.want)
			}
		}
		for _, s := range account.Signals(mark) {
			switch s.Name {
			case "contactAdded", "contactRemoved", "incomingTrustRequest", "newBuddyNotification":
				t.Errorf("signal %s%v", s.Name, s.Args)
			}
		}
	})
}

// TestMisfits: calls that do not fit the interface are the only errors, and
// surplus arguments are none (dbus spec 1.1).
func TestMisfits(t *testing.T) {
	const prefix = "org.freedesktop.DBus.Error."
	tests := []struct {
		path, method string
		args         []any
		want         string
	}{
		{"ConfigurationManager", "cx.ring.Ring.ConfigurationManager.noSuchMethod", nil, "UnknownMethod"},
		{"ConfigurationManager", "cx.ring.Ring.PresenceManager.getSubscriptions", []any{"x"}, "UnknownMethod"},
		{"ConfigurationManager", "cx.ring.Ring.NoSuchInterface.x", nil, "UnknownMethod"},
		{"ConfigurationManager", "org.freedesktop.DBus.Properties.GetAll", []any{"x"}, "UnknownMethod"},
		{"NoSuchObject", "cx.ring.Ring.ConfigurationManager.getAccountList", nil, "UnknownMethod"},
		{"ConfigurationManager", "cx.ring.Ring.ConfigurationManager.getContacts", nil, "InvalidArgs"},
		{"ConfigurationManager", "cx.ring.Ring.ConfigurationManager.getContacts", []any{int32(1)}, "InvalidArgs"},
		{"ConfigurationManager", "cx.ring.Ring.ConfigurationManager.registerName", []any{"x", "y"}, "InvalidArgs"},
		{"ConfigurationManager", "cx.ring.Ring.ConfigurationManager.getContacts", []any{"x", "y", int32(1)}, ""},
		{"ConfigurationManager", "org.freedesktop.DBus.Peer.Ping", nil, ""},
	}
	everyKind(t, func(t *testing.T, ctx context.Context, kind peers.DaemonKind) {
		client := connect(t, kind.Start(t, netns.New(t).HostIPv4()))
		for _, tt := range tests {
			err := client.Object("cx.ring.Ring", dbus.ObjectPath("/cx/ring/Ring/"+tt.path)).CallWithContext(ctx, tt.method, 0, tt.args...).Err
			got := ""
			var failed dbus.Error
			if errors.As(err, &failed) {
				got = strings.TrimPrefix(failed.Name, prefix)
			} else if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("%s %s%v: %q, want %q", tt.path, tt.method, tt.args, got, tt.want)
			}
		}
	})
}

// TestLookupsAnswer: every lookup that is begun has exactly one answer, also
// without a name server.
func TestLookupsAnswer(t *testing.T) {
	everyKind(t, func(t *testing.T, ctx context.Context, kind peers.DaemonKind) {
		account := start(t, ctx, kind)
		client := connect(t, account.Daemon)
		answers := []answer{
			configuration("[3  alice]", "lookupName", account.ID, "", "alice"),
			configuration("[3  alice]", "lookupName", "", "", "alice"),
			configuration("[1  a!]", "lookupName", account.ID, "", "a!"),
			configuration("[3 "+stranger+" ]", "lookupAddress", account.ID, "", stranger),
			configuration("[3 xyz ]", "lookupAddress", account.ID, "", "xyz"),
		}
		for _, a := range answers {
			mark := account.Mark()
			got, err := call(ctx, client, a.object, a.method, a.args...)
			if err != nil || fmt.Sprint(got) != "[true]" {
				t.Fatalf("%s%q: %v, %v", a.method, a.args, got, err)
			}
			// A daemon may tell it in a newer form, too.
			_, err = account.Wait(ctx, mark, a.want, func(s peers.Signal) bool {
				return s.Name == "registeredNameFound" && s.Args[0] == a.args[0] && fmt.Sprint(s.Args[1:]) == a.want
			})
			if err != nil {
				t.Fatalf("%s%q: %v, got %v", a.method, a.args, err, account.Signals(mark))
			}
		}
		told := 0
		for _, s := range account.Signals(0) {
			if s.Name == "registeredNameFound" && len(s.Args) == 4 {
				told++
			}
		}
		if told != len(answers) {
			t.Errorf("%d lookups have %d answers", len(answers), told)
		}
	})
}

// described returns the members of an object's own interface: kind, name and
// signatures.
func described(t *testing.T, ctx context.Context, client *dbus.Conn, object string) map[string]string {
	t.Helper()
	var text string
	err := client.Object("cx.ring.Ring", dbus.ObjectPath("/cx/ring/Ring/"+object)).
		CallWithContext(ctx, "org.freedesktop.DBus.Introspectable.Introspect", 0).Store(&text)
	if err != nil {
		t.Fatal(err)
	}
	var node introspect.Node
	if err := xml.Unmarshal([]byte(text), &node); err != nil {
		t.Fatal(err)
	}
	members := make(map[string]string)
	for _, iface := range node.Interfaces {
		if iface.Name != "cx.ring.Ring."+object {
			continue
		}
		for _, m := range iface.Methods {
			in, out := "", ""
			for _, arg := range m.Args {
				if arg.Direction == "out" {
					out += arg.Type
				} else {
					in += arg.Type
				}
			}
			members["method "+m.Name] = in + " -> " + out
		}
		for _, s := range iface.Signals {
			types := ""
			for _, arg := range s.Args {
				types += arg.Type
			}
			members["signal "+s.Name] = types
		}
	}
	return members
}

// TestInterfaces: our daemon declares what each other one of its generation does,
// no less and no more.
func TestInterfaces(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	host := netns.New(t).HostIPv4()
	theirs := connect(t, peers.Jamid.Start(t, host))
	ours := connect(t, peers.RollcallDaemon("--dbus-api", "2023").Start(t, host))
	for _, object := range objects {
		want, got := described(t, ctx, theirs, object), described(t, ctx, ours, object)
		for name, types := range want {
			if got[name] != types {
				t.Errorf("%s: %s has the types %q, want %q", object, name, got[name], types)
			}
		}
		for name := range got {
			if _, ok := want[name]; !ok {
				t.Errorf("%s: %s is not theirs", object, name)
			}
		}
	}
}

// TestInstance: there is one daemon on a bus, and clients are counted whoever they
// say they are.
func TestInstance(t *testing.T) {
	everyKind(t, func(t *testing.T, ctx context.Context, kind peers.DaemonKind) {
		d := kind.Start(t, netns.New(t).HostIPv4())
		code, output, err := d.RunAgain(ctx)
		if err != nil || code != 1 || output == "" {
			t.Errorf("a second daemon exits with %d, %v and says %q", code, err, output)
		}
		client := connect(t, d)
		for _, a := range []answer{
			{"Instance", "Register", []any{int32(1), "a"}, "[]"},
			{"Instance", "Register", []any{int32(2), "b"}, "[]"},
			{"Instance", "Unregister", []any{int32(77)}, "[]"},
		} {
			if got, err := call(ctx, client, a.object, a.method, a.args...); err != nil || fmt.Sprint(got) != a.want {
				t.Errorf("%s: %v, %v", a.method, got, err)
			}
		}
		settings, err := call(ctx, client, "VideoManager", "getSettings", "desktop")
		if err != nil || len(settings) != 1 || len(settings[0].(map[string]string)) == 0 {
			t.Errorf("getSettings: %v, %v", settings, err)
		}
	})
}
