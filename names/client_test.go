package names

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/dht/infohash"
)

var alice = infohash.SumString("alice")

// transport answers requests in place of a network.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// serving returns a client whose servers all answer by f, and the number of
// requests so far.
func serving(f func(host, path string) (status int, body string)) (*Client, *atomic.Int32) {
	c := New()
	asked := new(atomic.Int32)
	c.http.Transport = transport(func(r *http.Request) (*http.Response, error) {
		asked.Add(1)
		status, body := f(r.URL.Host, r.URL.Path)
		return &http.Response{
			StatusCode: status, Status: http.StatusText(status),
			Body: io.NopCloser(strings.NewReader(body)),
		}, nil
	})
	return c, asked
}

func TestLookup(t *testing.T) {
	address := alice.String()
	tests := []struct {
		name, server, ask, path string
		status                  int
		body                    string
		want                    Entry
		err                     error
	}{
		{
			name: "found", server: "ns.example", ask: "alice", path: "/name/alice", status: 200,
			body: `{"name":"alice","addr":"0x` + address + `"}`, want: Entry{"alice", alice},
		},
		{
			name: "without 0x, with a path and a slash", server: "http://ns.example/jami/", ask: "Alice", path: "/jami/name/alice", status: 200,
			body: `{"addr":"` + address + `","publickey":"k","signature":"s"}`, want: Entry{"alice", alice},
		},
		{name: "nobody", server: "ns.example", ask: "alice", path: "/name/alice", status: 404, body: `{"error":"x"}`, err: ErrNotFound},
		{name: "nobody, empty", server: "ns.example", ask: "alice", path: "/name/alice", status: 200, body: `{}`, err: ErrNotFound},
		{name: "refused as a name", server: "ns.example", ask: "alice", path: "/name/alice", status: 400, err: ErrBadName},
		{name: "broken", server: "ns.example", ask: "alice", path: "/name/alice", status: 500, err: ErrServer},
		{name: "busy", server: "ns.example", ask: "alice", path: "/name/alice", status: 429, err: ErrServer},
		{name: "no JSON", server: "ns.example", ask: "alice", path: "/name/alice", status: 200, body: `<html>`, err: ErrServer},
		{
			name: "too long", server: "ns.example", ask: "alice", path: "/name/alice", status: 200,
			body: `{"addr":"` + strings.Repeat("0", maxBody) + `"}`, err: ErrServer,
		},
		{name: "no account", server: "ns.example", ask: "alice", path: "/name/alice", status: 200, body: `{"addr":"0x1234"}`, err: ErrServer},
		{name: "name too short", server: "ns.example", ask: "al", err: ErrBadName},
		{name: "name too long", server: "ns.example", ask: strings.Repeat("a", 33), err: ErrBadName},
		{name: "name with a slash", server: "ns.example", ask: "../addr", err: ErrBadName},
		{name: "no server", ask: "alice", err: ErrNoServer},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := serving(func(_, path string) (int, string) {
				if path != tt.path {
					t.Errorf("asked for %q", path)
				}
				return tt.status, tt.body
			})
			got, err := c.Lookup(t.Context(), tt.server, tt.ask)
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func TestLookupAddress(t *testing.T) {
	for body, want := range map[string]error{
		`{"name":"Alice"}`:    nil,
		`{"name":""}`:         ErrNotFound,
		`{"name":"a\nb/../"}`: ErrServer,
	} {
		c, _ := serving(func(_, path string) (int, string) {
			if path != "/addr/"+alice.String() {
				t.Errorf("asked for %q", path)
			}
			return 200, body
		})
		got, err := c.LookupAddress(t.Context(), "ns.example", alice)
		if !errors.Is(err, want) || err == nil && got != (Entry{"alice", alice}) {
			t.Errorf("%s: got %v, %v", body, got, err)
		}
	}
}

func TestServerMustBeHTTP(t *testing.T) {
	c, asked := serving(func(string, string) (int, string) { return 200, `{}` })
	for _, server := range []string{"file:///etc/passwd", "ftp://x", "https://", "http://%zz"} {
		if _, err := c.Lookup(t.Context(), server, "alice"); !errors.Is(err, ErrBadServer) {
			t.Errorf("%q: %v", server, err)
		}
	}
	if asked.Load() != 0 {
		t.Error("a request was sent")
	}
}

func TestAnswersAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, asked := serving(func(_, path string) (int, string) {
			if path == "/name/alice" {
				return 200, `{"addr":"` + alice.String() + `"}`
			}
			return 404, ""
		})
		look := func(name string, want int32) {
			t.Helper()
			if _, err := c.Lookup(t.Context(), "ns.example", name); err != nil && !errors.Is(err, ErrNotFound) {
				t.Fatal(err)
			}
			if got := asked.Load(); got != want {
				t.Errorf("%d requests, want %d", got, want)
			}
		}
		look("alice", 1)
		look("alice", 1)
		look("nobody", 2)
		look("nobody", 2)
		time.Sleep(missingLife + 1)
		look("nobody", 3)
		look("alice", 3)
		time.Sleep(foundLife)
		look("alice", 4)
	})
}

// TestDeadServer: a thousand lookups at a server that never answers end at the
// deadline, later ones at once, until it is tried again.
func TestDeadServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New()
		var asked atomic.Int32
		c.http.Transport = transport(func(r *http.Request) (*http.Response, error) {
			asked.Add(1)
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		start := time.Now()
		ended := make(chan error)
		const lookups = 1000
		for i := range lookups {
			go func() {
				_, err := c.LookupAddress(t.Context(), "ns.example", infohash.SumString(string(rune(i))))
				ended <- err
			}()
		}
		for range lookups {
			if err := <-ended; !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took > deadline {
			t.Errorf("took %v", took)
		}
		if n := asked.Load(); n > maxAsking {
			t.Errorf("%d requests at once", n)
		}

		before := asked.Load()
		start = time.Now()
		if _, err := c.Lookup(t.Context(), "ns.example", "alice"); err == nil || time.Since(start) != 0 || asked.Load() != before {
			t.Errorf("after a failure: %v after %v", err, time.Since(start))
		}
		time.Sleep(retryAfter + 1)
		if _, err := c.Lookup(t.Context(), "ns.example", "alice"); err == nil || asked.Load() == before {
			t.Errorf("the server is not asked again: %v", err)
		}
	})
}

// TestOverHTTP speaks with a real server.
func TestOverHTTP(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"name":"alice","addr":"0x`+alice.String()+`"}`)
	})}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	c := New()
	t.Cleanup(c.Close)
	got, err := c.Lookup(t.Context(), "http://"+listener.Addr().String(), "alice")
	if err != nil || got != (Entry{"alice", alice}) {
		t.Errorf("got %v, %v", got, err)
	}
}
