package dbus

import (
	"bytes"
	"net"
	"testing"

	"github.com/godbus/dbus/v5"
)

// peer is one end of a connection without a bus: it answers the handshake of its
// own side, which is that of a client, from memory.
type peer struct {
	net.Conn
	answers *bytes.Reader
	began   bool
}

func newPeer(conn net.Conn) *peer {
	return &peer{Conn: conn, answers: bytes.NewReader([]byte("REJECTED ANONYMOUS\r\nOK 0123456789abcdef0123456789abcdef\r\n"))}
}

func (p *peer) Read(b []byte) (int, error) {
	if p.answers.Len() > 0 {
		return p.answers.Read(b)
	}
	return p.Conn.Read(b)
}

func (p *peer) Write(b []byte) (int, error) {
	if !p.began {
		p.began = bytes.HasPrefix(b, []byte("BEGIN"))
		return len(b), nil
	}
	return p.Conn.Write(b)
}

// pipe connects two ends, with options for the first.
func pipe(t testing.TB, options ...dbus.ConnOption) (*dbus.Conn, *dbus.Conn) {
	t.Helper()
	a, b := net.Pipe()
	connect := func(end net.Conn, options ...dbus.ConnOption) *dbus.Conn {
		conn, err := dbus.NewConn(newPeer(end), append(options, dbus.WithAuth(dbus.AuthAnonymous()))...)
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.Auth([]dbus.Auth{dbus.AuthAnonymous()}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	return connect(a, options...), connect(b)
}
