package http_test

import (
	"context"
	"errors"
	"iter"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"rollcall/api/http"
	"rollcall/api/http/client"
	"rollcall/api/http/endpoint"
	"rollcall/api/http/schema"
	"rollcall/daemon"
	"rollcall/dht"
	"rollcall/dht/infohash"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// startNode starts a node that is a network of its own and returns its address.
func startNode(t *testing.T) string {
	t.Helper()
	node, err := dht.Open(t.Context(), dht.Config{Bind4: loopback, NoIPv6: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { node.Close() })
	return node.Addrs()[0].String()
}

// person is a client of a daemon of their own.
type person struct {
	*client.Client
	t      *testing.T
	cfg    daemon.Config
	id     string
	uri    infohash.Hash
	events func() (schema.Event, error, bool)
}

// start runs a daemon with its API until stop is called.
func start(t *testing.T, cfg daemon.Config, address string) (c *client.Client, stop func()) {
	t.Helper()
	d, err := daemon.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	server, err := http.Listen(http.Config{Address: address, DataDir: cfg.DataDir}, d)
	if err != nil {
		d.Close()
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx) }()
	if c, err = client.New(server.Endpoint()); err != nil {
		t.Fatal(err)
	}
	return c, func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

func config(t *testing.T, bootstrap string) daemon.Config {
	t.Helper()
	// Unix sockets have short names.
	dir, err := os.MkdirTemp("", "rollcall")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return daemon.Config{
		DataDir: filepath.Join(dir, "data"), Bootstrap: []string{bootstrap},
		Node:  dht.Config{Bind4: loopback, NoIPv6: true},
		Lease: 10 * time.Second, AllowShortLease: true, Dwell: 50 * time.Millisecond, KeyBits: 2048,
	}
}

func newPerson(t *testing.T, bootstrap, name, address string) *person {
	t.Helper()
	p := &person{t: t, cfg: config(t, bootstrap)}
	c, stop := start(t, p.cfg, address)
	t.Cleanup(stop)
	p.Client = c
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	next, end := iter.Pull2(c.Events(ctx, ""))
	t.Cleanup(end)
	p.events = next
	p.await(func(e schema.Event) bool { return e.Type == schema.Start })
	id, err := c.CreateAccount(t.Context(), schema.NewAccount{DisplayName: name})
	if err != nil {
		t.Fatal(err)
	}
	p.id = id
	p.await(func(e schema.Event) bool { return e.Settings["Account.deviceAnnounced"] == "true" })
	account, err := c.Account(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if account.DisplayName != name || account.State != "REGISTERED" || account.URI.IsZero() {
		t.Fatalf("%s: %+v", name, account)
	}
	p.uri = account.URI
	return p
}

// await returns the next event that match accepts.
func (p *person) await(match func(schema.Event) bool) schema.Event {
	p.t.Helper()
	for {
		e, err, ok := p.events()
		if err != nil || !ok {
			p.t.Fatalf("%s waits in vain: %v", p.id, err)
		}
		if match(e) {
			return e
		}
	}
}

// check fails the test on an error of an operation.
func check[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// TestStory is the story of two people over the API, one on a socket, one on a
// port: follow, ask, accept, confirm, leave.
func TestStory(t *testing.T) {
	t.Parallel()
	ctx, bootstrap := t.Context(), startNode(t)
	alice := newPerson(t, bootstrap, "alice", "")
	bob := newPerson(t, bootstrap, "bob", "127.0.0.1:0")

	if found := check[schema.Announcements](t)(alice.QueryPresence(ctx, "", bob.uri)); !found.Online || len(found.Devices) != 1 {
		t.Errorf("bob, asked for once: %+v", found)
	}
	card := []byte("BEGIN:VCARD\nFN:Alice\nEND:VCARD")
	if err := alice.SendRequest(ctx, alice.id, bob.uri, card); err != nil {
		t.Fatal(err)
	}
	event := bob.await(func(e schema.Event) bool { return e.Type == schema.RequestReceived })
	if event.Peer != alice.uri || event.Request.Title != "Alice" || event.Request.Payload != nil {
		t.Errorf("event of the request: %+v", event)
	}
	request := check[schema.Request](t)(bob.Request(ctx, bob.id, alice.uri))
	if string(request.Payload) != string(card) || request.Seen {
		t.Errorf("request: %+v", request)
	}
	if err := bob.SeeRequests(ctx, bob.id, []infohash.Hash{alice.uri}); err != nil {
		t.Error(err)
	}
	if requests := check[[]schema.Request](t)(bob.Requests(ctx, bob.id)); len(requests) != 1 || !requests[0].Seen {
		t.Errorf("requests: %+v", requests)
	}
	if !check[bool](t)(bob.AcceptRequest(ctx, bob.id, alice.uri)) {
		t.Error("accepting changed nothing")
	}
	alice.await(func(e schema.Event) bool { return e.Type == schema.ContactAdded && e.Peer == bob.uri && e.Confirmed })
	if contact := check[schema.Contact](t)(alice.Contact(ctx, alice.id, bob.uri)); !contact.Confirmed || !contact.Active || contact.Asked != "" {
		t.Errorf("contact: %+v", contact)
	}
	talkAbout(t, alice, bob)
	if err := bob.Switch(ctx, bob.id, "enabled", false); err != nil {
		t.Fatal(err)
	}
	alice.await(func(e schema.Event) bool {
		return e.Type == schema.PresenceChanged && e.Peer == bob.uri && e.Status == "offline"
	})
	if view := check[schema.Presence](t)(alice.PresenceOf(ctx, alice.id, bob.uri)); view.Status != "offline" || view.LastSeen.IsZero() || !view.Contact {
		t.Errorf("presence: %+v", view)
	}
	if status := check[schema.Status](t)(alice.Status(ctx)); status.Accounts != 1 || len(status.Networks) != 1 || !status.Networks[0].Connected {
		t.Errorf("status: %+v", status)
	}
}

// talkAbout lets two people who are contacts tell each other notes and texts.
func talkAbout(t *testing.T, alice, bob *person) {
	t.Helper()
	ctx := t.Context()
	if _, err := bob.PublishNote(ctx, bob.id, schema.NewNote{Text: "Lunch Time!"}); status(err) != 422 {
		t.Errorf("a note that others cannot show: %v", err)
	}
	note := check[schema.Note](t)(bob.PublishNote(ctx, bob.id, schema.NewNote{Text: "Lunch Time!", Form: "adapt"}))
	if kept := check[schema.Note](t)(bob.Note(ctx, bob.id)); note.Text != "Lunch Time" || kept != note {
		t.Errorf("note %+v, kept %+v", note, kept)
	}
	alice.await(func(e schema.Event) bool {
		return e.Type == schema.PresenceChanged && e.Peer == bob.uri && e.Status == "connected" && e.Note == "Lunch Time"
	})
	view := check[schema.Presence](t)(alice.PresenceOf(ctx, alice.id, bob.uri))
	if view.Note != "Lunch Time" || view.Noted.IsZero() {
		t.Errorf("presence: %+v", view)
	}
	id := check[string](t)(alice.SendText(ctx, alice.id, bob.uri, schema.NewText{Content: "Enjoy!"}))
	text := bob.await(func(e schema.Event) bool { return e.Type == schema.TextReceived })
	if want := (schema.Text{ID: id, Type: "text/plain", Content: "Enjoy!"}); *text.Message != want || text.Peer != alice.uri {
		t.Errorf("text %+v, want %+v", text, want)
	}
	alice.await(func(e schema.Event) bool {
		return e.Type == schema.TextChanged && e.State == "sent" && e.Message.ID == id
	})
	conns := check[[]schema.Connection](t)(alice.Connections(ctx, alice.id))
	if len(conns) == 0 || conns[0].Peer != bob.uri || len(conns[0].Channels) == 0 || conns[0].BytesIn == 0 {
		t.Errorf("connections %+v", conns)
	}
	if err := bob.ClearNote(ctx, bob.id); err != nil {
		t.Error(err)
	}
	alice.await(func(e schema.Event) bool {
		return e.Type == schema.PresenceChanged && e.Peer == bob.uri && e.Cause == "note" && e.Note == ""
	})
}

func TestAccountsAndTheirErrors(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	alice := newPerson(t, startNode(t), "alice", "")

	archive := check[[]byte](t)(alice.Export(ctx, alice.id, ""))
	if err := alice.SetPassword(ctx, alice.id, schema.NewPassword{To: "secret"}); err != nil {
		t.Fatal(err)
	}
	if _, err := alice.Export(ctx, alice.id, "wrong"); status(err) != 403 {
		t.Errorf("wrong password: %v", err)
	}
	if err := alice.ChangeSettings(ctx, alice.id, schema.Settings{"Account.displayName": "Alice B."}); err != nil {
		t.Fatal(err)
	}
	if settings := check[schema.Settings](t)(alice.Settings(ctx, alice.id)); settings["Account.displayName"] != "Alice B." {
		t.Errorf("settings: %v", settings)
	}
	if devices := check[[]schema.Device](t)(alice.Devices(ctx, alice.id)); len(devices) != 1 || !devices[0].Own {
		t.Errorf("devices: %+v", devices)
	}
	if err := alice.RemoveAccount(ctx, alice.id); err != nil {
		t.Fatal(err)
	}
	if _, err := alice.Account(ctx, alice.id); status(err) != 404 {
		t.Errorf("removed account: %v", err)
	}
	id := check[string](t)(alice.CreateAccount(ctx, schema.NewAccount{Archive: archive}))
	alice.await(func(e schema.Event) bool {
		return e.Type == schema.RegistrationChanged && e.Account == id && e.State == "REGISTERED"
	})
	if again := check[schema.Account](t)(alice.Account(ctx, id)); again.URI != alice.uri {
		t.Errorf("imported: %+v", again)
	}
	if _, err := alice.CreateAccount(ctx, schema.NewAccount{Archive: []byte("nonsense")}); err != nil && status(err) != 422 {
		t.Errorf("nonsense archive: %v", err)
	}
	if _, err := alice.AddContact(ctx, id, alice.uri); status(err) != 422 {
		t.Errorf("oneself as a contact: %v", err)
	}
	if err := alice.CancelRequest(ctx, id, infohash.SumString("bob")); status(err) != 404 {
		t.Errorf("no request to cancel: %v", err)
	}
}

// status returns the status of an error of the API.
func status(err error) int {
	var problem *schema.Problem
	if errors.As(err, &problem) {
		return problem.Status
	}
	return 0
}

// TestEventsGoOnOverARestart shows that a client notices that it has to read
// everything afresh.
func TestEventsGoOnOverARestart(t *testing.T) {
	t.Parallel()
	cfg := config(t, startNode(t))
	c, stop := start(t, cfg, "")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	next, end := iter.Pull2(c.Events(ctx, ""))
	defer end()
	first, err, _ := next()
	if err != nil || first.Type != schema.Start {
		t.Fatalf("%+v, %v", first, err)
	}
	stop()
	_, stop = start(t, cfg, "")
	defer stop()
	second, err, _ := next()
	if err != nil || second.Type != schema.Start || second.ID == first.ID {
		t.Fatalf("after the restart: %+v, %v", second, err)
	}
}

// TestPortComesOnTopOfTheSocket shows that the user's commands find a daemon
// however else it is reached.
func TestPortComesOnTopOfTheSocket(t *testing.T) {
	cfg := config(t, "127.0.0.1:9")
	byPort, stop := start(t, cfg, "127.0.0.1:0")
	defer stop()
	at, err := endpoint.Parse("", cfg.DataDir)
	if err != nil {
		t.Fatal(err)
	}
	bySocket, err := client.New(at)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*client.Client{byPort, bySocket} {
		if _, err := c.Status(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestNobodyAnswers(t *testing.T) {
	cfg := config(t, "127.0.0.1:9")
	c, stop := start(t, cfg, "")
	stop()
	if _, err := c.Status(t.Context()); !errors.Is(err, client.ErrNoDaemon) {
		t.Errorf("got %v, want that no daemon answers", err)
	}
}
