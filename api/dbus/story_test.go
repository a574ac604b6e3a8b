package dbus

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"rollcall/daemon"
	"rollcall/dht"
	"rollcall/dht/infohash"
)

// desktop is a client of a daemon, on a connection without a bus.
type desktop struct {
	t       *testing.T
	conn    *dbus.Conn
	signals chan *dbus.Signal
	dir     string       // of the daemon
	ended   <-chan error // of the face
}

var loopback = dht.Config{Bind4: netip.MustParseAddr("127.0.0.1"), NoIPv6: true}

// alone is a bootstrap address at which nobody answers.
const alone = "127.0.0.1:1"

// newDesktop starts a daemon and a client.
func newDesktop(t *testing.T, bootstrap string, generations ...Generation) *desktop {
	t.Helper()
	dir := t.TempDir()
	d, err := daemon.Open(t.Context(), daemon.Config{
		DataDir: filepath.Join(dir, "data"), ClientDir: filepath.Join(dir, "jami"),
		Bootstrap: []string{bootstrap}, Node: loopback, KeyBits: 2048, InitTime: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	if generations == nil {
		generations = []Generation{Generation2023, Generation2026}
	}
	f, err := newFace(d, generations, false, discard)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := pipe(t, f.server.options()...)
	signals := make(chan *dbus.Signal, 1000)
	theirs.Signal(signals)
	ctx, cancel := context.WithCancel(t.Context())
	ended, done := make(chan error, 1), make(chan struct{})
	go func() {
		ended <- f.serve(ctx, ours, d.Subscribe())
		close(done)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	c := &desktop{t, theirs, signals, dir, ended}
	c.wait("started")
	return c
}

// call calls a method of "Interface.method" and returns its results as text.
func (c *desktop) call(method string, args ...any) string {
	c.t.Helper()
	iface, _, _ := strings.Cut(method, ".")
	reply := call(c.conn, root+"/"+dbus.ObjectPath(iface), busName+"."+method, args...)
	if reply.Err != nil {
		c.t.Fatalf("%s%q: %v", method, args, reply.Err)
	}
	return strings.TrimSuffix(strings.TrimPrefix(fmt.Sprint(reply.Body), "["), "]")
}

// want calls a method of the ConfigurationManager and compares its result.
func (c *desktop) want(result, method string, args ...any) {
	c.t.Helper()
	if got := c.call("ConfigurationManager."+method, args...); got != result {
		c.t.Errorf("%s%q: %s, want %s", method, args, got, result)
	}
}

// wait returns the next signal of a name, and what was before it.
func (c *desktop) wait(name string, args ...any) (*dbus.Signal, []*dbus.Signal) {
	c.t.Helper()
	var passed []*dbus.Signal
	for {
		select {
		case s := <-c.signals:
			match := strings.HasSuffix(s.Name, "."+name) && len(s.Body) >= len(args)
			for i := range args {
				match = match && s.Body[i] == args[i]
			}
			if match {
				return s, passed
			}
			passed = append(passed, s)
		case <-time.After(2 * time.Minute):
			c.t.Fatalf("signal %s%q does not come; there were %v", name, args, passed)
		}
	}
}

// addAccount creates an account and waits until it has its keys.
func (c *desktop) addAccount(name string) (id, uri string) {
	c.t.Helper()
	id = c.call("ConfigurationManager.addAccount", map[string]string{"Account.type": "RING", "Account.displayName": name, "Account.hostname": ""})
	c.wait("knownDevicesChanged", id)
	details := c.details(id)
	return id, details["Account.username"]
}

func (c *desktop) details(id string) map[string]string {
	c.t.Helper()
	var details map[string]string
	err := call(c.conn, root+"/ConfigurationManager", busName+".ConfigurationManager.getAccountDetails", id).Store(&details)
	if err != nil {
		c.t.Fatal(err)
	}
	return details
}

// TestCreation is the wizard of a client (dbus spec 5.2).
func TestCreation(t *testing.T) {
	c := newDesktop(t, alone)
	c.want("", "addAccount", map[string]string{"Account.type": "NONE"})
	id := c.call("ConfigurationManager.addAccount", map[string]string{"Account.type": "RING", "Account.displayName": "alice"})
	if len(id) != 16 {
		t.Fatalf("account id %q", id)
	}
	state, before := c.wait("registrationStateChanged", id)
	if state.Body[1] != "INITIALIZING" || len(before) != 0 {
		t.Errorf("first %v, before it %v", state.Body, before)
	}
	c.wait("volatileAccountDetailsChanged", id)
	_, before = c.wait("accountsChanged")
	for _, s := range before {
		if strings.HasSuffix(s.Name, ".accountDetailsChanged") {
			t.Error("details of an account that clients do not know")
		}
	}
	if _, err := os.Stat(filepath.Join(c.dir, "jami", id)); err != nil {
		t.Errorf("the client's directory: %v", err)
	}
	c.want("["+id+"]", "getAccountList")
	c.wait("knownDevicesChanged", id)
	details := c.details(id)
	if _, err := infohash.Parse(details["Account.username"]); err != nil || details["Account.type"] != "RING" ||
		details["Account.enable"] != "true" || details["Account.displayName"] != "alice" {
		t.Errorf("details %q", details)
	}
	for _, secret := range []string{"Account.archivePassword", "Account.archivePIN", "Account.archivePath"} {
		if _, there := details[secret]; there {
			t.Errorf("details hold %s", secret)
		}
	}

	archive := filepath.Join(c.dir, "archive.gz")
	c.want("true", "exportToFile", id, archive, "")
	if _, err := os.Stat(archive); err != nil {
		t.Error(err)
	}
	c.want("false", "exportToFile", id, filepath.Join(c.dir, "no", "archive.gz"), "")
	c.want("true", "changeAccountPassword", id, "", "secret")
	c.want("false", "changeAccountPassword", id, "wrong", "other")
	c.want("false", "exportToFile", id, archive+"2", "wrong")
	c.want("true", "exportToFile", id, archive+"2", "password", "secret")

	c.want("", "removeAccount", "0123")
	c.wait("accountsChanged")
	c.want("", "removeAccount", id)
	c.wait("accountsChanged")
	c.want("[]", "getAccountList")
}

func TestContacts(t *testing.T) {
	c := newDesktop(t, alone)
	id, _ := c.addAccount("alice")
	peer := infohash.SumString("peer").String()

	c.want("", "addContact", id, strings.ToUpper(peer))
	added, _ := c.wait("contactAdded", id, peer)
	if added.Body[2] != false {
		t.Errorf("contactAdded%v", added.Body)
	}
	details := c.call("ConfigurationManager.getContactDetails", id, peer)
	for _, part := range []string{"confirmed:false", "conversationId:", "id:" + peer, "added:1"} {
		if !strings.Contains(details, part) {
			t.Errorf("details %s have no %s", details, part)
		}
	}
	c.want("["+details+"]", "getContacts", id)
	c.want("", "removeContact", id, peer, true)
	c.wait("contactRemoved", id, peer, true)
	if details := c.call("ConfigurationManager.getContactDetails", id, peer); !strings.Contains(details, "banned:true") || strings.Contains(details, "confirmed") {
		t.Errorf("details of a banned contact: %s", details)
	}
	c.want("["+peer+"]", "getCertificatesByStatus", id, "BANNED")
	c.want("true", "acceptTrustRequest", id, peer)
	c.wait("contactAdded", id, peer, true)
	c.want("false", "acceptTrustRequest", id, peer)
	c.want("["+peer+"]", "getCertificatesByStatus", id, "ALLOWED")
	c.want("", "removeContact", id, peer, false)
	c.wait("contactRemoved", id, peer, false)
	c.want("map[]", "getContactDetails", id, peer)
	c.want("[]", "getContacts", id)
}

func TestSubscriptions(t *testing.T) {
	c := newDesktop(t, alone)
	id, _ := c.addAccount("alice")
	peer, another := infohash.Hash{1}.String(), infohash.Hash{2}.String()
	subscriptions := func(want string) {
		t.Helper()
		if got := c.call("PresenceManager.getSubscriptions", id); got != want {
			t.Errorf("subscriptions %s, want %s", got, want)
		}
	}
	for _, uri := range []string{peer, "ring:" + peer, "jami:" + peer, strings.ToUpper(peer), "xyz", ""} {
		c.call("PresenceManager.subscribeBuddy", id, uri, true)
	}
	subscriptions("[map[Buddy:" + peer + " Status:Offline]]")
	c.call("PresenceManager.setSubscriptions", id, []string{another})
	subscriptions("[map[Buddy:" + peer + " Status:Offline] map[Buddy:" + another + " Status:Offline]]")
	c.call("PresenceManager.subscribeBuddy", id, peer, false)
	subscriptions("[map[Buddy:" + another + " Status:Offline]]")
}

// TestLookups: every lookup has one answer, also without a name server. It repeats
// what was asked for.
func TestLookups(t *testing.T) {
	c := newDesktop(t, alone, Generation2023)
	id, _ := c.addAccount("alice")
	c.want("", "setAccountDetails", id, map[string]string{"RingNS.uri": ""})
	peer := infohash.SumString("peer").String()
	const carol = "cafe000000000000000000000000000000000001"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/name/carol" && r.URL.Path != "/addr/"+carol {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		fmt.Fprintf(w, `{"name":"carol","addr":"0x%s"}`, carol)
	}))
	defer server.Close()
	c.want("false", "lookupName", "0123456789abcdef", "", "alice")
	for _, tt := range []struct {
		method, account, server, asked string
		want                           []any
	}{
		{"lookupName", id, server.URL, "carol", []any{id, int32(nameFound), carol, "carol"}},
		{"lookupName", "", server.URL, "Carol", []any{"", int32(nameFound), carol, "Carol"}},
		{"lookupName", id, server.URL, "dave", []any{id, int32(nameNotFound), "", "dave"}},
		{"lookupAddress", id, server.URL, carol, []any{id, int32(nameFound), carol, "carol"}},
		{"lookupAddress", id, server.URL, peer, []any{id, int32(nameNotFound), peer, ""}},
		{"lookupName", id, "", "alice", []any{id, int32(nameError), "", "alice"}},
		{"lookupName", "", "http://127.0.0.1:1", "alice", []any{"", int32(nameError), "", "alice"}},
		{"lookupName", id, "", "a!", []any{id, int32(nameInvalid), "", "a!"}},
		{"lookupAddress", id, "http://127.0.0.1:1", peer, []any{id, int32(nameError), peer, ""}},
		{"lookupAddress", id, "", "xyz", []any{id, int32(nameError), "xyz", ""}},
	} {
		c.want("true", tt.method, tt.account, tt.server, tt.asked)
		if found, _ := c.wait("registeredNameFound"); !slices.Equal(found.Body, tt.want) {
			t.Errorf("%s %q: %v, want %v", tt.method, tt.asked, found.Body, tt.want)
		}
	}
}

// TestLifetime: the daemon ends when the last client unregisters, whoever it says
// it is, and answers that call.
func TestLifetime(t *testing.T) {
	c := newDesktop(t, alone)
	c.call("Instance.Register", int32(1), "a")
	c.call("Instance.Register", int32(2), "b")
	c.call("Instance.Unregister", int32(77))
	select {
	case err := <-c.ended:
		t.Fatalf("ended with a client left: %v", err)
	default:
	}
	c.call("Instance.Unregister", int32(1))
	if err := <-c.ended; err != nil {
		t.Error(err)
	}
}

func TestLostConnection(t *testing.T) {
	c := newDesktop(t, alone)
	c.conn.Close()
	if err := <-c.ended; err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}

// TestWrongSettings: a value that a setting cannot have is passed over, and the client is
// told what counts; one without which there is no account changes nothing.
func TestWrongSettings(t *testing.T) {
	c := newDesktop(t, alone)
	id, _ := c.addAccount("alice")
	c.want("", "setAccountDetails", id, map[string]string{"Account.displayName": "Alice", "Account.videoPortMin": "many", "Account.autoAnswer": "maybe"})
	var told map[string]string
	for told["Account.displayName"] != "Alice" {
		change, _ := c.wait("accountDetailsChanged", id)
		told = change.Body[1].(map[string]string)
	}
	c.want("", "setAccountDetails", id, map[string]string{"Account.displayName": "Bob", "Account.enable": "maybe"})
	for _, details := range []map[string]string{told, c.details(id)} {
		if details["Account.displayName"] != "Alice" || details["Account.videoPortMin"] != "49152" || details["Account.autoAnswer"] != "false" {
			t.Errorf("details %q", details)
		}
	}
}

// TestBadInput: what cannot be done is answered by an empty or false value and
// changes nothing (dbus spec 6).
func TestBadInput(t *testing.T) {
	c := newDesktop(t, alone)
	id, own := c.addAccount("alice")
	peer := infohash.SumString("peer").String()
	const nothing = ""
	for _, unknown := range []string{"0123456789abcdef", "", "../" + id} {
		for _, row := range []struct {
			want, method string
			args         []any
		}{
			{"map[]", "getAccountDetails", nil},
			{"map[]", "getVolatileAccountDetails", nil},
			{"map[]", "getKnownRingDevices", nil},
			{"map[]", "getContactDetails", []any{peer}},
			{"[]", "getContacts", nil},
			{"[]", "getTrustRequests", nil},
			{"[]", "getConversationRequests", nil},
			{"map[]", "conversationInfos", []any{peer}},
			{"[]", "getCredentials", nil},
			{"map[]", "getNearbyPeers", nil},
			{"[]", "getCertificatesByStatus", []any{"ALLOWED"}},
			{"map[EXIST:FAILED]", "validateCertificate", []any{peer}},
			{"false", "acceptTrustRequest", []any{peer}},
			{"false", "discardTrustRequest", []any{peer}},
			{"false", "exportOnRing", []any{""}},
			{"false", "exportToFile", []any{filepath.Join(c.dir, "x"), ""}},
			{"false", "exportToFile", []any{filepath.Join(c.dir, "x"), "password", ""}},
			{"false", "revokeDevice", []any{"", peer}},
			{"false", "revokeDevice", []any{peer, "password", ""}},
			{"false", "changeAccountPassword", []any{"", ""}},
			{"false", "registerName", []any{"", "alice"}},
			{"false", "registerName", []any{"alice", "password", ""}},
			{"false", "searchUser", []any{"alice"}},
			{"false", "setCertificateStatus", []any{peer, "ALLOWED"}},
			{"false", "removeConversation", []any{peer}},
			{nothing, "addContact", []any{peer}},
			{nothing, "removeContact", []any{peer, true}},
			{nothing, "sendTrustRequest", []any{peer, []byte{}}},
			{nothing, "setAccountDetails", []any{map[string]string{"Account.enable": "false"}}},
			{nothing, "sendRegister", []any{false}},
			{nothing, "setAccountActive", []any{false}},
			{nothing, "acceptConversationRequest", []any{peer}},
			{nothing, "declineConversationRequest", []any{peer}},
			{"true", "isAllModerators", nil},
			{"true", "isLocalModeratorsEnabled", nil},
		} {
			c.want(row.want, row.method, append([]any{unknown}, row.args...)...)
		}
		for _, call := range []struct {
			method string
			args   []any
		}{
			{"subscribeBuddy", []any{unknown, peer, true}},
			{"setSubscriptions", []any{unknown, []string{peer}}},
			{"publish", []any{unknown, true, "Lunch"}},
		} {
			if got := c.call("PresenceManager."+call.method, call.args...); got != nothing {
				t.Errorf("%s: %s", call.method, got)
			}
		}
	}
	for _, uri := range []string{"", "xyz", peer[:38], "g" + peer[1:], "name@host", "ring:" + peer, "jami:" + peer} {
		c.want("map[]", "getContactDetails", id, uri)
		c.want("false", "acceptTrustRequest", id, uri)
		c.want("false", "discardTrustRequest", id, uri)
		c.want(nothing, "addContact", id, uri)
		c.want(nothing, "removeContact", id, uri, true)
		c.want(nothing, "removeContact", id, uri, false)
		c.want(nothing, "sendTrustRequest", id, uri, []byte{1})
	}
	// Nobody is a contact of himself.
	c.want(nothing, "addContact", id, own)
	c.want(nothing, "sendTrustRequest", id, own, []byte{1})
	c.want("false", "acceptTrustRequest", id, own)
	c.want(nothing, "acceptConversationRequest", id, peer)
	c.want(nothing, "declineConversationRequest", id, peer)
	c.want("map[]", "conversationInfos", id, peer)
	c.want("map[]", "getAccountTemplate", "NONE")
	c.want(nothing, "setAccountDetails", id, map[string]string{"Account.username": "x", "No.Such": "x"})
	c.want("[]", "getContacts", id)
	c.want("[]", "getTrustRequests", id)

	// A call that does something, so that all signals before it are there.
	c.call("ConfigurationManager.addContact", id, peer)
	_, before := c.wait("contactAdded", id, peer)
	for _, s := range before {
		if !strings.HasSuffix(s.Name, ".accountDetailsChanged") && !strings.HasSuffix(s.Name, ".registrationStateChanged") &&
			!strings.HasSuffix(s.Name, ".volatileAccountDetailsChanged") && !strings.HasSuffix(s.Name, "Ended") {
			t.Errorf("signal %s%v", s.Name, s.Body)
		}
	}
}
