package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	user     = "somebody"
	password = "a password"
	realm    = "a realm"
)

// serve runs a TURN server on loopback.
func serve(t *testing.T) Server {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	quiet := logging.NewDefaultLoggerFactory()
	quiet.Writer = io.Discard
	server, err := turn.NewServer(turn.ServerConfig{
		Realm: realm,
		AuthHandler: func(ra *turn.RequestAttributes) (string, []byte, bool) {
			return ra.Username, turn.GenerateAuthKey(user, realm, password), ra.Username == user
		},
		ListenerConfigs: []turn.ListenerConfig{{
			Listener:              ln,
			RelayAddressGenerator: &turn.RelayAddressGeneratorStatic{RelayAddress: net.IPv4(127, 0, 0, 1), Address: "127.0.0.1"},
		}},
		LoggerFactory: quiet,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return Server{Addr: ln.Addr().String(), Username: user, Password: password}
}

func listen(t *testing.T, s Server) *Listener {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	l, err := s.Listen(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestRelays(t *testing.T) {
	l := listen(t, serve(t))
	if l.Reflexive() != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("seen as %v", l.Reflexive())
	}
	l.Permit(netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1"), netip.Addr{})
	// Several at a time, whose streams do not mix.
	const peers = 3
	var relayed, ends [peers]net.Conn
	for i := range peers {
		relayed[i], ends[i] = dialUntil(t, l)
	}
	for i, conn := range relayed {
		if conn.LocalAddr().String() != l.Addr().String() {
			t.Errorf("local address %v", conn.LocalAddr())
		}
		peer := ends[i]
		if conn.RemoteAddr().String() != peer.LocalAddr().String() {
			t.Fatalf("a connection from %v", conn.RemoteAddr())
		}
		want := conn.RemoteAddr().String() + "\n"
		got := make([]byte, len(want))
		if _, err := io.ReadFull(conn, got); err != nil || string(got) != want {
			t.Errorf("read %q, %v", got, err)
		}
		fmt.Fprint(conn, strings.Repeat("back", 10000))
		back := make([]byte, 40000)
		if _, err := io.ReadFull(peer, back); err != nil || string(back[39996:]) != "back" {
			t.Errorf("read back %v", err)
		}
	}
	l.Close()
	l.Close()
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("accept after close: %v", err)
	}
}

// dialUntil connects as peers do, again until they are permitted, and returns both
// ends. The first bytes come with the connection.
func dialUntil(t *testing.T, l *Listener) (relayed, peer net.Conn) {
	t.Helper()
	accepted := make(chan error, 1)
	go func() {
		var err error
		relayed, err = l.Accept()
		if err == nil {
			_, err = io.WriteString(relayed, greeting)
		}
		accepted <- err
	}()
	for {
		peer, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(peer, peer.LocalAddr().String()+"\n")
		// A server refuses by closing what it has accepted.
		if _, err = io.ReadFull(peer, make([]byte, len(greeting))); err != nil {
			peer.Close()
			continue
		}
		t.Cleanup(func() { peer.Close() })
		if err := <-accepted; err != nil {
			t.Fatal(err)
		}
		return relayed, peer
	}
}

// greeting is what a peer hears once it is connected.
const greeting = "!"

func TestRefused(t *testing.T) {
	s := serve(t)
	tests := []struct {
		name   string
		change func(*Server)
	}{
		{"another password", func(s *Server) { s.Password = "?" }},
		{"an unknown user", func(s *Server) { s.Username = "nobody" }},
		{"another realm", func(s *Server) { s.Realm = "elsewhere" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := s
			tt.change(&s)
			if _, err := s.Listen(t.Context()); !errors.Is(err, ErrRefused) {
				t.Errorf("%v", err)
			}
		})
	}
	s.Realm = realm
	listen(t, s)
}

func TestAddr(t *testing.T) {
	tests := []struct{ addr, want string }{
		{"turn.example", "turn.example:3478"},
		{"turn.example:5000", "turn.example:5000"},
		{"192.0.2.1", "192.0.2.1:3478"},
		{"2001:db8::1", "[2001:db8::1]:3478"},
		{"[2001:db8::1]:5000", "[2001:db8::1]:5000"},
		{"", ""},
		{":3478", ""},
		{"turn.example:0", ""},
		{"turn.example:port", ""},
		{"a:b:c:d", ""},
	}
	for _, tt := range tests {
		s := Server{Addr: tt.addr}
		if err := s.Validate(); (err == nil) != (tt.want != "") {
			t.Errorf("%q: %v", tt.addr, err)
		}
		if tt.want != "" && s.hostPort() != tt.want {
			t.Errorf("%q: %q", tt.addr, s.hostPort())
		}
	}
}

// TestHostile meets servers that do not what they should. Each ends within the
// given time, with an error.
func TestHostile(t *testing.T) {
	tests := []struct {
		name  string
		serve func(net.Conn)
	}{
		{"silent", func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }},
		{"closes at once", func(net.Conn) {}},
		{"speaks HTTP", func(c net.Conn) { fmt.Fprint(c, "HTTP/1.1 400 Bad Request\r\n\r\n") }},
		{"announces more than it may", func(c net.Conn) { _, _ = c.Write([]byte("\x01\x03\xff\xfc\x21\x12\xa4\x42012345678901")) }},
		{"repeats the question", func(c net.Conn) { _, _ = io.Copy(c, c) }},
		{"attempts without end", func(c net.Conn) {
			for err := error(nil); err == nil; {
				_, err = c.Write([]byte("\x00\x1c\x00\x00\x21\x12\xa4\x42012345678901"))
			}
		}},
		{"a success without anything", func(c net.Conn) {
			b := make([]byte, headerSize)
			_, _ = io.ReadFull(c, b)
			b[0], b[1], b[2], b[3] = 1, 3, 0, 0
			_, _ = c.Write(b)
			_, _ = io.Copy(io.Discard, c)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ours, theirs := net.Pipe()
			done := make(chan struct{})
			go func() {
				defer close(done)
				defer theirs.Close()
				tt.serve(theirs)
			}()
			s := Server{Addr: "turn.example", Dial: func(context.Context, string, string) (net.Conn, error) { return ours, nil }}
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			start := time.Now()
			if l, err := s.Listen(ctx); err == nil {
				l.Close()
				t.Error("no error")
			}
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("took %v", took)
			}
			<-done
		})
	}
}

func FuzzMessage(f *testing.F) {
	f.Add([]byte("\x01\x03\x00\x00\x21\x12\xa4\x42012345678901"))
	f.Add([]byte("\x01\x03\x00\x0c\x21\x12\xa4\x42012345678901\x00\x16\x00\x08\x00\x01\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := strings.NewReader(string(b))
		m, err := readMessage(r)
		if err != nil {
			return
		}
		if used := len(b) - r.Len(); used != len(m.Raw) || used > maxMessage {
			t.Fatalf("read %d bytes of %d", used, len(m.Raw))
		}
		if l := lifetime(m); l < minLifetime || l > maxLifetime {
			t.Fatalf("lifetime %v", l)
		}
	})
}
