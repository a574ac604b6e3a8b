//go:build peers

package peer

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"

	"rollcall/api/http/client"
	"rollcall/api/http/endpoint"
	"rollcall/presence"
	"rollcall/test/netns"
	"rollcall/test/peers"
)

// behind returns what makes the hosts of a meeting: the node's, and then those
// behind a NAT of their own or not. Before, it calls prepare with the network.
func behind(prepare func(*netns.Network), nats ...bool) func(*netns.Network) *netns.Host {
	made := -1
	return func(n *netns.Network) *netns.Host {
		made++
		if made == 0 {
			prepare(n)
		}
		if made == 0 || !nats[made-1] {
			return n.HostIPv4()
		}
		_, inside := n.NAT()
		return inside.HostIPv4()
	}
}

// TestNAT connects two daemons of ours with one of them behind a NAT.
func TestNAT(t *testing.T) {
	tests := []struct {
		name string
		nats []bool
		pair string
	}{{"ours", []bool{true, false}, "srflx-host"}, {"theirs", []bool{false, true}, "host-srflx"}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			hosts := behind(func(*netns.Network) {}, tt.nats...)
			meetOn(t, peers.RollcallDaemon("--log-level", "debug"), hosts, func(t *testing.T, ctx context.Context, m meeting) {
				testThroughNAT(t, ctx, m, tt.pair)
			})
		})
	}
}

// TestRelay connects two daemons of ours that are both behind a NAT, one of which
// has a relay.
func TestRelay(t *testing.T) {
	var server string
	hosts := behind(func(n *netns.Network) { server = serveTURN(t, n.HostIPv4()) }, true, true)
	meetOn(t, peers.RollcallDaemon("--log-level", "debug"), hosts, func(t *testing.T, ctx context.Context, m meeting) {
		details := map[string]string{
			"TURN.enable": "true", "TURN.server": server, "TURN.username": "user", "TURN.password": "password", "TURN.realm": "realm",
		}
		if err := m.theirs.Call(ctx, configuration, "setAccountDetails", []any{m.theirs.ID, details}, nil); err != nil {
			t.Fatal(err)
		}
		testThroughNAT(t, ctx, m, "srflx-relay")
	})
}

// TestMapping connects two daemons of ours that are both behind a NAT, one of which
// maps ports by NAT-PMP.
func TestMapping(t *testing.T) {
	made := 0
	hosts := func(n *netns.Network) *netns.Host {
		if made++; made == 1 {
			return n.HostIPv4()
		}
		router, inside := n.NAT()
		h := inside.HostIPv4()
		if made == 2 {
			serveNATPMP(t, router, h)
		}
		return h
	}
	meetOn(t, peers.RollcallDaemon("--log-level", "debug"), hosts, func(t *testing.T, ctx context.Context, m meeting) {
		details := map[string]string{"Account.upnpEnabled": "true"}
		if err := m.ours.Call(ctx, configuration, "setAccountDetails", []any{m.ours.ID, details}, nil); err != nil {
			t.Fatal(err)
		}
		testThroughNAT(t, ctx, m, "srflx-srflx")
	})
}

// serveNATPMP has a router map ports for the host behind it (RFC 6886 3), until
// the end of the test.
func serveNATPMP(t *testing.T, router, h *netns.Host) {
	t.Helper()
	var socket *net.UDPConn
	err := router.Do(func() (err error) {
		socket, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(192, 168, 1, 1), Port: 5351})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { socket.Close(); <-done })
	go func() {
		defer close(done)
		buf := make([]byte, 100)
		for {
			n, from, err := socket.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			answer := []byte{0, buf[1] | 0x80, 0, 0, 0, 0, 0, 1}
			switch {
			case n == 2:
				answer = append(answer, router.IPv4.AsSlice()...)
			case n == 12:
				internal := binary.BigEndian.Uint16(buf[4:])
				if binary.BigEndian.Uint32(buf[8:]) > 0 {
					if err := router.Forward(internal, h.AddrPort(internal)); err != nil {
						t.Error(err)
					}
				}
				answer = append(append(append(answer, buf[4:6]...), buf[4:6]...), buf[8:12]...)
			}
			_, _ = socket.WriteToUDPAddrPort(answer, from)
		}
	}()
}

func testThroughNAT(t *testing.T, ctx context.Context, m meeting, pair string) {
	mark := m.ours.Mark()
	begin := time.Now()
	m.befriend(t, ctx)
	s := m.waitStatus(t, ctx, mark, presence.Connected)
	t.Logf("connected after %v", s.At.Sub(begin))
	if took := s.At.Sub(begin); took > silence {
		t.Errorf("connected after %v", took)
	}
	at, err := endpoint.Parse("", filepath.Join(m.ours.Home, "data", "rollcall"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	conns, err := c.Connections(ctx, m.ours.ID)
	if err != nil || len(conns) == 0 {
		t.Fatalf("connections: %v, %v", conns, err)
	}
	got := conns[0].Ours + "-" + conns[0].Theirs
	if got != pair || conns[0].Relayed != strings.HasSuffix(pair, "relay") {
		t.Errorf("candidates %s, want %s: %+v", got, pair, conns[0])
	}
	mark = m.theirs.Mark()
	send(t, ctx, m.ours, m.theirs.URI, "through it")
	waitMessage(t, ctx, m.theirs, mark, m.ours.URI, "text/plain", "through it")
}

// onHost has a TURN server listen on a host.
type onHost struct{ *netns.Host }

func (h onHost) listen(port uint16) (ln net.Listener, err error) {
	err = h.Do(func() (err error) {
		ln, err = net.Listen("tcp", h.AddrPort(port).String())
		return err
	})
	return ln, err
}

func (onHost) Validate() error { return nil }

func (h onHost) AllocateListener(turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	ln, err := h.listen(0)
	if err != nil {
		return nil, nil, err
	}
	return ln, ln.Addr(), nil
}

func (onHost) AllocatePacketConn(turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	return nil, nil, errors.ErrUnsupported
}

func (onHost) AllocateConn(turn.AllocateConnConfig) (net.Conn, error) {
	return nil, errors.ErrUnsupported
}

// serveTURN runs a TURN server on a host until the end of the test.
func serveTURN(t *testing.T, h *netns.Host) string {
	t.Helper()
	ln, err := onHost{h}.listen(3478)
	if err != nil {
		t.Fatal(err)
	}
	quiet := logging.NewDefaultLoggerFactory()
	quiet.Writer = io.Discard
	server, err := turn.NewServer(turn.ServerConfig{
		Realm: "realm",
		AuthHandler: func(ra *turn.RequestAttributes) (string, []byte, bool) {
			return ra.Username, turn.GenerateAuthKey("user", "realm", "password"), ra.Username == "user"
		},
		ListenerConfigs: []turn.ListenerConfig{{Listener: ln, RelayAddressGenerator: onHost{h}}},
		LoggerFactory:   quiet,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return fmt.Sprint(ln.Addr())
}
