package nat_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"

	"rollcall/ice"
	"rollcall/ice/signaling"
	"rollcall/internal/simnet"
	"rollcall/nat"
	"rollcall/nat/relay"
)

// filter is what a NAT lets in at a port that stands for one inside: connections
// from where that one connected to.
type filter string

// The kinds of NATs (RFC 3489). Symmetric ones have another port for each address
// that is connected to.
const (
	none           filter = "none"
	fullCone       filter = "full cone"
	restricted     filter = "address-restricted"
	portRestricted filter = "port-restricted"
	symmetric      filter = "symmetric"
)

// internet is where hosts and NATs are.
type internet struct {
	*simnet.Streams
	mu   sync.Mutex
	nats map[netip.Addr]*router
}

// router is a NAT in front of one host.
type router struct {
	kind     filter
	public   netip.Addr
	ports    map[uint16][]netip.AddrPort // opened from inside, to where
	forwards map[uint16]netip.AddrPort   // mapped on request
}

// host is one of two that want to connect.
type host struct {
	net    *internet
	addr   netip.Addr
	router *router // nil: none
}

func (n *internet) host(i int, kind filter) *host {
	if kind == none {
		return &host{net: n, addr: netip.AddrFrom4([4]byte{198, 51, 100, byte(i + 1)})}
	}
	r := &router{kind, netip.AddrFrom4([4]byte{203, 0, 113, byte(i + 1)}), map[uint16][]netip.AddrPort{}, map[uint16]netip.AddrPort{}}
	n.nats[r.public] = r
	// Both have the same private address, as so often.
	return &host{n, netip.MustParseAddr("192.168.1.2"), r}
}

// inside returns where a connection leads that reaches the router; invalid, if it
// is not let in.
func (r *router) inside(from, to netip.AddrPort) netip.AddrPort {
	if inner, ok := r.forwards[to.Port()]; ok {
		return inner
	}
	for _, opened := range r.ports[to.Port()] {
		if r.kind == fullCone || opened.Addr() == from.Addr() && (r.kind == restricted || opened == from) {
			return netip.AddrPortFrom(netip.MustParseAddr("192.168.1.2"), to.Port())
		}
	}
	return netip.AddrPort{}
}

// dial connects from the host. What is not let in is dropped.
func (h *host) dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	h.net.mu.Lock()
	from := netip.AddrPortFrom(h.addr, 1)
	if h.router != nil {
		// One port for all that it connects to, or one for each.
		port := uint16(10000)
		if h.router.kind == symmetric {
			port += uint16(len(h.router.ports))
		}
		h.router.ports[port] = append(h.router.ports[port], to)
		from = netip.AddrPortFrom(h.router.public, port)
	}
	target := to
	if r := h.net.nats[to.Addr()]; r != nil {
		target = r.inside(from, to)
	} else if to.Addr().IsPrivate() {
		target = netip.AddrPort{} // another network
	}
	h.net.mu.Unlock()
	if !target.IsValid() {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return h.net.DialFrom(from.Addr())(ctx, target)
}

// listen opens a listener. Private addresses are not seen by others.
func (h *host) listen(ctx context.Context, at netip.AddrPort) (net.Listener, error) {
	return h.net.Listen(ctx, at)
}

// forward maps the port of a listener at the router.
func (h *host) forward(listener netip.AddrPort) netip.AddrPort {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	h.router.forwards[listener.Port()] = listener
	return netip.AddrPortFrom(h.router.public, listener.Port())
}

// relayAddrs lets the TURN server listen in memory.
type relayAddrs struct{ net *internet }

var relayHost = netip.MustParseAddr("192.0.2.1")

func (relayAddrs) Validate() error { return nil }

func (relayAddrs) AllocatePacketConn(turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	return nil, nil, errors.ErrUnsupported
}

func (r relayAddrs) AllocateListener(turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	ln, err := r.net.Listen(context.Background(), netip.AddrPortFrom(relayHost, 0))
	if err != nil {
		return nil, nil, err
	}
	return ln, ln.Addr(), nil
}

func (relayAddrs) AllocateConn(turn.AllocateConnConfig) (net.Conn, error) {
	return nil, errors.ErrUnsupported
}

// serveRelay runs a TURN server until the function it returns is called.
func (n *internet) serveRelay(t *testing.T) (addr string, stop func()) {
	t.Helper()
	ln, err := n.Listen(t.Context(), netip.AddrPortFrom(relayHost, 0))
	if err != nil {
		t.Fatal(err)
	}
	quiet := logging.NewDefaultLoggerFactory()
	quiet.Writer = io.Discard
	server, err := turn.NewServer(turn.ServerConfig{
		Realm: "realm",
		AuthHandler: func(ra *turn.RequestAttributes) (string, []byte, bool) {
			return ra.Username, turn.GenerateAuthKey("user", "realm", "password"), true
		},
		ListenerConfigs: []turn.ListenerConfig{{Listener: ln, RelayAddressGenerator: relayAddrs{n}}},
		LoggerFactory:   quiet,
	})
	if err != nil {
		t.Fatal(err)
	}
	return ln.Addr().String(), func() { server.Close() }
}

// help is what is there for hosts behind NATs.
type help string

const (
	nothing help = "nothing"
	mapping help = "a mapped port on one side"
	relays  help = "a relay on one side"
	dead    help = "a relay that is silent"
)

// outcome is what became of an attempt.
type outcome struct {
	connected, relayed bool
	gathered           time.Duration
}

// attempt lets two hosts connect, the first one with help, which hears of the other
// later than that of it.
func attempt(t *testing.T, kinds [2]filter, h help, later time.Duration) (o outcome) {
	synctest.Test(t, func(t *testing.T) {
		n := &internet{Streams: simnet.NewStreams(), nats: make(map[netip.Addr]*router)}
		relayAddr, stop := n.serveRelay(t)
		defer stop()
		var agents [2]*ice.Agent
		met := [2]func(signaling.Description){func(signaling.Description) {}, func(signaling.Description) {}}
		for i, kind := range kinds {
			host := n.host(i, kind)
			a, err := ice.Listen(t.Context(), ice.Config{
				Controlling: i == 1, Addrs: []netip.Addr{host.addr}, Dial: host.dial, Listen: host.listen,
			})
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			agents[i] = a
			var s nat.Settings
			if host.router != nil {
				s.Public = host.router.public // as the DHT tells
			}
			switch {
			case i > 0 || h == nothing:
			case h == mapping && host.router != nil:
				_ = a.AddMapped(host.forward(a.Addrs()[0]))
			case h == relays || h == dead:
				s.Relay = relay.Server{Addr: relayAddr, Username: "user", Password: "password"}
				s.Relay.Dial = func(ctx context.Context, _, addr string) (net.Conn, error) {
					if h == dead {
						<-ctx.Done()
						return nil, ctx.Err()
					}
					return host.dial(ctx, netip.MustParseAddrPort(addr))
				}
			}
			start := time.Now()
			if f := nat.New(nil, s, nil).Gather(t.Context(), a); f != nil {
				met[i] = f
			}
			o.gathered = max(o.gathered, time.Since(start))
		}
		descriptions := [2]signaling.Description{agents[0].Description(), agents[1].Description()}
		type end struct {
			conn *ice.Conn
			err  error
		}
		ends := make(chan end, 2)
		for i, a := range agents {
			go func() {
				if i == 0 {
					time.Sleep(later)
				}
				met[i](descriptions[1-i])
				c, err := a.Connect(t.Context(), descriptions[1-i])
				ends <- end{c, err}
			}()
		}
		first, second := <-ends, <-ends
		o.connected = first.err == nil && second.err == nil
		if !o.connected {
			return
		}
		o.relayed = first.conn.Relayed() || second.conn.Relayed()
		go fmt.Fprint(first.conn, "hello")
		got := make([]byte, 5)
		if _, err := io.ReadFull(second.conn, got); err != nil {
			t.Errorf("%v over the connection", err)
		}
		first.conn.Close()
		second.conn.Close()
	})
	return o
}

// TestSimulated lets hosts behind every pair of NATs connect. By TCP a NAT lets
// nobody in on its own, whatever its kind: the port of an outgoing connection is
// not one at which anybody listens. So one side must be reachable; by a mapped
// port, it is reached directly, and by a relay otherwise.
func TestSimulated(t *testing.T) {
	kinds := []filter{none, fullCone, restricted, portRestricted, symmetric}
	for _, a := range kinds {
		for _, b := range kinds {
			for _, h := range []help{nothing, mapping, relays} {
				t.Run(fmt.Sprintf("%s to %s with %s", a, b, h), func(t *testing.T) {
					open := a == none || b == none
					want := outcome{
						connected: open || h != nothing,
						relayed:   !open && h == relays,
					}
					got := attempt(t, [2]filter{a, b}, h, 0)
					got.gathered = 0
					if got != want {
						t.Errorf("%+v, want %+v", got, want)
					}
				})
			}
		}
	}
}

// TestSilentRelay delays an attempt that needs none by less than it waits for all
// ways together.
func TestSilentRelay(t *testing.T) {
	got := attempt(t, [2]filter{none, symmetric}, dead, 0)
	if !got.connected || got.relayed || got.gathered > 2*time.Second {
		t.Errorf("%+v", got)
	}
}

// TestLateAnswer tries a relay again that does not permit the peer before it is
// heard of.
func TestLateAnswer(t *testing.T) {
	got := attempt(t, [2]filter{symmetric, symmetric}, relays, 3*time.Second)
	if !got.connected || !got.relayed {
		t.Errorf("%+v", got)
	}
}
