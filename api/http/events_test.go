package http

import (
	"bufio"
	"context"
	"encoding/json"
	"go/ast"
	nethttp "net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rollcall/api/http/schema"
	"rollcall/contact"
	"rollcall/daemon"
	"rollcall/dht/infohash"
	"rollcall/presence"
	"rollcall/talk"
)

func online(account daemon.AccountID, peer string) daemon.Event {
	return daemon.Event{Account: account, At: time.Unix(1, 0), Change: daemon.PresenceChanged{
		Peer: infohash.SumString(peer), Status: presence.Online,
	}}
}

// follower reads a stream of a test server.
type follower struct {
	t     *testing.T
	lines *bufio.Scanner
}

func follow(t *testing.T, h *history, query, last string) *follower {
	t.Helper()
	return followAt(t, handlerOf(t, &daemon.Daemon{}, h), query, last)
}

func followAt(t *testing.T, handler nethttp.Handler, query, last string) *follower {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	r, err := nethttp.NewRequestWithContext(ctx, "GET", server.URL+"/v1/events"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Last-Event-ID", last)
	answer, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s, %s", answer.Status, answer.Header.Get("Content-Type"))
	}
	return &follower{t, bufio.NewScanner(answer.Body)}
}

func handlerOf(t *testing.T, d *daemon.Daemon, h *history) nethttp.Handler {
	t.Helper()
	handler, err := newRoutes(d, h)
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

// next returns the next event and checks its frame.
func (f *follower) next() schema.Event {
	f.t.Helper()
	fields := map[string]string{}
	for f.lines.Scan() && f.lines.Text() != "" {
		key, value, _ := strings.Cut(f.lines.Text(), ": ")
		fields[key] = value
	}
	var e schema.Event
	if err := json.Unmarshal([]byte(fields["data"]), &e); err != nil {
		f.t.Fatalf("%v: %v (%v)", fields, err, f.lines.Err())
	}
	if e.ID != fields["id"] || e.Type != fields["event"] {
		f.t.Errorf("frame %v around event %+v", fields, e)
	}
	return e
}

func TestStreamBeginsAndGoesOn(t *testing.T) {
	h := newHistory()
	h.add(online("a", "before"))
	f := follow(t, h, "", "")
	if e := f.next(); e.Type != schema.Start || e.ID != h.id(1) {
		t.Fatalf("stream begins with %+v", e)
	}
	h.add(online("a", "bob"))
	h.add(online("b", "carol"))
	for _, name := range []string{"bob", "carol"} {
		if e := f.next(); e.Type != schema.PresenceChanged || e.Peer != infohash.SumString(name) || e.Status != "online" {
			t.Errorf("got %+v, want %s online", e, name)
		}
	}
}

func TestStreamOfOneAccount(t *testing.T) {
	h := newHistory()
	f := followAt(t, nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		(&service{events: h}).stream(r.Context(), w, &eventQuery{Account: "b"})
	}), "", "")
	f.next()
	h.add(online("a", "bob"))
	h.add(daemon.Event{Change: daemon.AccountsChanged{}})
	h.add(online("b", "carol"))
	if e := f.next(); e.Type != schema.AccountsChanged {
		t.Errorf("got %+v, want what concerns all", e)
	}
	if e := f.next(); e.Account != "b" {
		t.Errorf("got %+v, want the event of b", e)
	}
}

func TestStreamOfNoAccount(t *testing.T) {
	d, err := daemon.Open(t.Context(), daemon.Config{DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	w := httptest.NewRecorder()
	handlerOf(t, d, newHistory()).ServeHTTP(w, httptest.NewRequest("GET", "/v1/events?account=nobody", nil))
	if w.Code != nethttp.StatusNotFound {
		t.Errorf("status %d, want 404: %s", w.Code, w.Body)
	}
}

func TestStreamContinues(t *testing.T) {
	h := newHistory()
	for range 3 * maxBatch {
		h.add(online("a", "bob"))
	}
	f := follow(t, h, "", h.id(5))
	for n := uint64(6); n <= 3*maxBatch; n++ {
		if e := f.next(); e.ID != h.id(n) {
			t.Fatalf("got %s, want %s", e.ID, h.id(n))
		}
	}
}

func TestStreamStartsOverWhereItCannotContinue(t *testing.T) {
	forgetful, interrupted := newHistory(), newHistory()
	for range maxHistory + 10 {
		forgetful.add(online("a", "bob"))
	}
	for range 10 {
		interrupted.add(online("a", "bob"))
	}
	interrupted.skip()
	tests := []struct {
		name string
		h    *history
		last string
		goes bool
	}{
		{"oldest held", forgetful, forgetful.id(10), true},
		{"forgotten", forgetful, forgetful.id(9), false},
		{"in the future", forgetful, forgetful.id(maxHistory + 11), false},
		{"of another process", forgetful, "zzzzzzzz-12", false},
		{"no position", forgetful, "12", false},
		{"negative", forgetful, forgetful.run + "--1", false},
		{"before missed events", interrupted, interrupted.id(10), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := follow(t, tt.h, "", tt.last)
			if e := f.next(); (e.Type != schema.Start) != tt.goes {
				t.Errorf("begins with %+v, want it to go on: %v", e, tt.goes)
			}
		})
	}
}

func TestStreamsAreBounded(t *testing.T) {
	server := httptest.NewServer(handlerOf(t, &daemon.Daemon{}, newHistory()))
	defer server.Close()
	for i := range maxStreams + 1 {
		answer, err := server.Client().Get(server.URL + "/v1/events")
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		want := nethttp.StatusOK
		if i == maxStreams {
			want = nethttp.StatusServiceUnavailable
		}
		if answer.StatusCode != want {
			t.Fatalf("stream %d: %s", i, answer.Status)
		}
	}
}

func TestEveryChangeIsTranslated(t *testing.T) {
	request := daemon.Request{From: infohash.SumString("bob"), Payload: []byte("secret card")}
	changes := map[string]daemon.Change{
		"AccountsChanged":     daemon.AccountsChanged{},
		"RegistrationChanged": daemon.RegistrationChanged{State: daemon.Trying},
		"DetailsChanged":      daemon.DetailsChanged{Details: daemon.Details{"a": "b"}},
		"VolatileChanged":     daemon.VolatileChanged{Details: daemon.Details{"a": "b"}},
		"DevicesChanged":      daemon.DevicesChanged{Devices: []daemon.Device{{Own: true}}},
		"ContactAdded":        daemon.ContactAdded{Confirmed: true},
		"ContactRemoved":      daemon.ContactRemoved{Banned: true},
		"RequestReceived":     daemon.RequestReceived{Request: request},
		"RequestClosed":       daemon.RequestClosed{Request: request, Reason: contact.Reason(0)},
		"OutgoingChanged":     daemon.OutgoingChanged{Kind: contact.Ask, State: contact.Queued},
		"PresenceChanged":     daemon.PresenceChanged{Status: presence.Online},
		"NoteChanged":         daemon.NoteChanged{Note: daemon.Note{Text: "Lunch"}},
		"TextReceived":        daemon.TextReceived{Content: "hello"},
		"TextChanged":         daemon.TextChanged{Status: talk.Sent},
		"LeaseChanged":        daemon.LeaseChanged{Lease: time.Minute},
	}
	for _, name := range changeTypes(t) {
		change, ok := changes[name]
		if !ok {
			t.Errorf("the daemon tells of %s, which no test translates", name)
			continue
		}
		e := fromEvent(daemon.Event{Account: "a", Change: change})
		if e.Type == "" || e.Account != "a" {
			t.Errorf("%s: %+v", name, e)
		}
		if e.Request != nil && e.Request.Payload != nil {
			t.Errorf("%s carries a payload", name)
		}
	}
}

// changeTypes returns the names of the types of package daemon that are changes.
func changeTypes(t *testing.T) []string {
	var names []string
	inspectPackage(t, "../../daemon", func(n ast.Node) bool {
		if f, ok := n.(*ast.FuncDecl); ok && f.Name.Name == "change" && f.Recv != nil {
			if id, ok := f.Recv.List[0].Type.(*ast.Ident); ok {
				names = append(names, id.Name)
			}
		}
		return true
	})
	if len(names) == 0 {
		t.Fatal("found no change")
	}
	return names
}
