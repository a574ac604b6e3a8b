package http

import (
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/api/http/endpoint"
	"rollcall/daemon"
)

// pipes is a listener in memory.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.done); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// connect serves the API in memory until the end of the test and returns the
// client's end of a connection.
func connect(t *testing.T, h *history) net.Conn {
	t.Helper()
	routes, err := newRoutes(&daemon.Daemon{}, h)
	if err != nil {
		t.Fatal(err)
	}
	p := &pipes{make(chan net.Conn), make(chan struct{})}
	s := &Server{events: h, log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() {
		served <- s.serve(ctx, door{listener: p, guard: newGuard(endpoint.Endpoint{Network: "unix"}, "", routes)})
	}()
	ours, theirs := net.Pipe()
	p.conns <- theirs
	t.Cleanup(func() {
		ours.Close()
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return ours
}

// TestSlowClientsAreLeft shows that nobody holds a connection by saying little.
func TestSlowClientsAreLeft(t *testing.T) {
	tests := []struct {
		name, said string
		within     time.Duration
	}{
		{"nothing", "", headerTimeout},
		{"half a header", "GET /v1/status HTTP/1.1\r\nHost: loc", headerTimeout},
		{"half a body", "PUT /v1/accounts/a/enabled HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{", bodyTimeout + idleTimeout}, // refused after the first, closed after the second
		{"one request", "GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n", idleTimeout},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn := connect(t, newHistory())
				start := time.Now()
				if _, err := io.WriteString(conn, tt.said); err != nil {
					t.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, conn); err != nil {
					t.Fatal(err)
				}
				// The server closes its end gently, half a second later.
				if took := time.Since(start); took < tt.within || took > tt.within+time.Second {
					t.Errorf("left after %v, want %v", took, tt.within)
				}
			})
		})
	}
}

// TestReaderWhoStopsIsLeft shows that a stream waits for its reader for a while
// only, and that it is told that it lives as long as nothing happens.
func TestReaderWhoStopsIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHistory()
		conn := connect(t, h)
		if _, err := io.WriteString(conn, "GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		start, b := time.Now(), make([]byte, 4096)
		read := ""
		for !strings.Contains(read, "still here") {
			n, err := conn.Read(b)
			if err != nil {
				t.Fatal(err)
			}
			read += string(b[:n])
		}
		if took := time.Since(start); took != heartbeat {
			t.Errorf("first sign of life after %v, want %v", took, heartbeat)
		}
		h.add(online("a", "bob"))
		time.Sleep(flushTimeout + time.Second)
		synctest.Wait()
		if _, err := conn.Write([]byte("x")); err == nil {
			t.Error("the connection is still open")
		}
	})
}
