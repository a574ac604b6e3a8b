//go:build peers

package peer

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/account"
	"rollcall/dht"
	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/identity"
	"rollcall/peer"
	"rollcall/presence"
)

// TestCard fetches the card of the C++ daemon, with a large photo, from it as its own
// kind does: channel frames of 64 kB in TLS records of 16 kB, each of which is a
// frame of the connection.
func TestCard(t *testing.T) {
	meet(t, func(t *testing.T, ctx context.Context, m meeting) {
		mark := m.ours.Mark()
		m.befriend(t, ctx)
		m.waitStatus(t, ctx, mark, presence.Connected)
		var conversations []string
		if err := m.theirs.Call(ctx, configuration, "getConversations", []any{m.theirs.ID}, []any{&conversations}); err != nil || len(conversations) != 1 {
			t.Fatalf("conversations %v, %v", conversations, err)
		}
		if err := m.ours.Terminate(); err != nil {
			t.Fatal(err)
		}
		theirDir := filepath.Join(m.theirs.Home, "data", "jami", m.theirs.ID)
		card := []byte("BEGIN:VCARD\nVERSION:2.1\nFN:theirs\nPHOTO;ENCODING=BASE64;TYPE=PNG:" + strings.Repeat("Rollcall", 64<<10) + "\nEND:VCARD\n")
		if err := os.WriteFile(filepath.Join(theirDir, "profile.vcf"), card, 0o600); err != nil {
			t.Fatal(err)
		}

		device := readDevice(t, filepath.Join(theirDir, "ring_device.crt"))
		conn, largest := m.asUs(t, ctx, device)
		name := "data-transfer://" + conversations[0] + "/profile/" + m.theirs.URI + ".vcf"
		ch, err := conn.Open(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		defer ch.Close()
		_ = ch.SetReadDeadline(time.Now().Add(time.Minute))
		begin := time.Now()
		got, err := io.ReadAll(ch)
		t.Logf("%d bytes after %v, the largest frame has %d", len(got), time.Since(begin), largest())
		if err != nil || !bytes.Equal(got, card) {
			t.Errorf("%d bytes of %d, %v", len(got), len(card), err)
		}
		if largest() <= 16<<10 {
			t.Errorf("the largest frame has %d bytes", largest())
		}
	})
}

// readDevice reads the certificate of a device, the first of a file.
func readDevice(t *testing.T, file string) *identity.Certificate {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatalf("%s is not PEM", file)
	}
	c, err := identity.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// asUs connects with their device as our daemon would, which has ended, and returns
// what tells the size of the largest frame that came.
func (m meeting) asUs(t *testing.T, ctx context.Context, theirs *identity.Certificate) (conn *peer.Conn, largest func() int) {
	t.Helper()
	keys, err := account.LoadKeys(filepath.Join(m.ours.Home, "data", "rollcall", "accounts", m.ours.ID))
	if err != nil {
		t.Fatal(err)
	}
	self, err := dht.NewIdentity(keys.Device, keys.Device.Chain().DER()...)
	if err != nil {
		t.Fatal(err)
	}
	host, node := m.ourHost, m.ourNode(t, ctx)
	var seen frames
	conns := make(chan *peer.Conn, 1)
	peers, err := peer.Open(peer.Config{
		Node: node, Device: keys.Device, Identity: self, Addrs: func() []netip.Addr { return []netip.Addr{host.IPv4} },
		FindAccount: func(context.Context, infohash.Hash, value.LongID) (infohash.Hash, error) {
			return infohash.Hash{}, errors.New("we ask ourselves")
		},
		Standing: func(infohash.Hash, value.LongID) peer.Standing { return peer.Contact },
		Listen: func(_ context.Context, addr netip.AddrPort) (ln net.Listener, err error) {
			err = host.Do(func() (err error) {
				ln, err = net.Listen("tcp4", addr.String())
				return err
			})
			return listener{ln, &seen}, err
		},
		Dial: func(ctx context.Context, addr netip.AddrPort) (c net.Conn, err error) {
			err = host.Do(func() (err error) {
				c, err = (&net.Dialer{}).DialContext(ctx, "tcp4", addr.String())
				return err
			})
			return &watched{Conn: c, seen: &seen}, err
		},
		Notify: func(e peer.Event) {
			if e, ok := e.(peer.Connected); ok {
				select {
				case conns <- e.Conn:
				default: // there may be a second one
				}
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { peers.Close() })
	their, err := infohash.Parse(m.theirs.URI)
	if err != nil {
		t.Fatal(err)
	}
	peers.Want(peer.Device{Account: their, Key: theirs.SPKI})
	select {
	case conn = <-conns:
	case <-ctx.Done():
		t.Fatalf("not connected: %+v", peers.Stats())
	}
	return conn, seen.largest
}

// ourNode opens a node of the DHT on our host, in the network of their account.
func (m meeting) ourNode(t *testing.T, ctx context.Context) *dht.Node {
	t.Helper()
	var details map[string]string
	if err := m.theirs.Call(ctx, configuration, "getAccountDetails", []any{m.theirs.ID}, []any{&details}); err != nil {
		t.Fatal(err)
	}
	node, err := dht.Open(ctx, dht.Config{
		Bind4: m.ourHost.IPv4, NoIPv6: true, Bootstrap: []string{details["Account.hostname"]},
		ListenPacket: func(addr netip.AddrPort) (p net.PacketConn, err error) {
			err = m.ourHost.Do(func() (err error) {
				p, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(addr))
				return err
			})
			return p, err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { node.Close() })
	if err := node.WaitConnected(ctx); err != nil {
		t.Fatal(err)
	}
	return node
}

// frames knows the largest frame of some connections.
type frames struct{ most atomic.Int64 }

func (f *frames) largest() int { return int(f.most.Load()) }

// listener watches the connections that it accepts.
type listener struct {
	net.Listener
	seen *frames
}

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return &watched{Conn: c, seen: l.seen}, err
}

// watched is a connection that looks at the frames that come (RFC 4571): two bytes
// of length before each.
type watched struct {
	net.Conn
	seen   *frames
	header []byte
	left   int // of a frame
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	for rest := p[:n]; len(rest) > 0; {
		if w.left > 0 {
			skipped := min(w.left, len(rest))
			w.left, rest = w.left-skipped, rest[skipped:]
			continue
		}
		w.header, rest = append(w.header, rest[0]), rest[1:]
		if len(w.header) == 2 {
			w.left, w.header = int(binary.BigEndian.Uint16(w.header)), nil
			w.seen.most.Store(max(w.seen.most.Load(), int64(w.left)))
		}
	}
	return n, err
}
