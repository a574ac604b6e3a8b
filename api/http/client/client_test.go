package client

import (
	"errors"
	"fmt"
	"iter"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollcall/api/http/endpoint"
	"rollcall/api/http/schema"
)

// serve answers at a socket until the end of the test and returns a client of it.
func serve(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	dir, err := os.MkdirTemp("", "rollcall") // sockets have short names
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	at := endpoint.Endpoint{Network: "unix", Address: filepath.Join(dir, "s")}
	listener, err := net.Listen(at.Network, at.Address)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Close() })
	c, err := New(at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestEventsContinueABrokenStream(t *testing.T) {
	var asked []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Last-Event-ID"))
		n := len(asked)
		if n == 3 {
			http.Error(w, `{"detail":"enough"}`, http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintf(w, ": a remark\n\nid: %[1]d\nevent: accounts\ndata: {\"id\":\"%[1]d\",\"type\":\"accounts\"}\n\nid: half", n)
	})
	next, stop := iter.Pull2(c.Events(t.Context(), "a"))
	defer stop()
	for _, want := range []string{"1", "2"} {
		if e, err, ok := next(); !ok || err != nil || e.ID != want {
			t.Fatalf("got %+v, %v, want event %s", e, err, want)
		}
	}
	_, err, _ := next()
	var problem *schema.Problem
	if !errors.As(err, &problem) || problem.Status != 503 || problem.Error() != "enough" {
		t.Errorf("got %v, want what the server refused", err)
	}
	if strings.Join(asked, ",") != ",1,2" {
		t.Errorf("asked to continue after %q", asked)
	}
}

func TestUnreadableEventsEndAStream(t *testing.T) {
	for name, data := range map[string]string{"no JSON": "{", "too long": strings.Repeat("x", maxEvent+1)} {
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "data: {\"id\":\"1\",\"type\":\"start\"}\n\ndata: "+data+"\n\n")
		})
		var errs []error
		for _, err := range c.Events(t.Context(), "") {
			errs = append(errs, err)
		}
		if len(errs) != 2 || errs[0] != nil || !errors.Is(errs[1], errUnreadable) {
			t.Errorf("%s: %v", name, errs)
		}
	}
}

func TestProblemsSayWhatIsWrong(t *testing.T) {
	tests := []struct{ body, want string }{
		{`{"detail":"daemon: no such contact"}`, "daemon: no such contact"},
		{`{"detail":"validation failed","errors":[{"location":"path.peer","message":"want an account id","value":"bob"}]}`, `path.peer: want an account id, got "bob"`},
		{`{"detail":"x","errors":[{"location":"body.on","message":"expected boolean"},{"message":"and more"}]}`, "on: expected boolean; and more"},
		{"<html>", "418 I'm a teapot"},
		{"", "418 I'm a teapot"},
	}
	for _, tt := range tests {
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusTeapot)
			fmt.Fprint(w, tt.body)
		})
		_, err := c.Status(t.Context())
		var problem *schema.Problem
		if !errors.As(err, &problem) || problem.Status != http.StatusTeapot || err.Error() != tt.want {
			t.Errorf("%q: got %v, want %s", tt.body, err, tt.want)
		}
	}
}

func TestAnswerThatIsNoJSON(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") })
	if _, err := c.Accounts(t.Context()); err == nil || !strings.Contains(err.Error(), "answer of the daemon at unix:") {
		t.Errorf("got %v", err)
	}
}
