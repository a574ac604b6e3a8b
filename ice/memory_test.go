package ice_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"time"

	"rollcall/ice"
	"rollcall/ice/signaling"
)

// memory is a network of pipes.
type memory struct {
	mu        sync.Mutex
	listeners map[netip.AddrPort]*memoryListener
	lastPort  uint16
}

func newMemory() *memory { return &memory{listeners: make(map[netip.AddrPort]*memoryListener)} }

func (m *memory) port() uint16 {
	m.lastPort++
	return 4000 + m.lastPort
}

// listen is an ice.Config.Listen.
func (m *memory) listen(_ context.Context, addr netip.AddrPort) (net.Listener, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := &memoryListener{
		net:    m,
		addr:   netip.AddrPortFrom(addr.Addr(), m.port()),
		queue:  make(chan net.Conn, 64),
		closed: make(chan struct{}),
	}
	m.listeners[l.addr] = l
	return l, nil
}

// dialFrom returns an ice.Config.Dial for a host.
func (m *memory) dialFrom(host netip.Addr) func(context.Context, netip.AddrPort) (net.Conn, error) {
	return func(_ context.Context, addr netip.AddrPort) (net.Conn, error) {
		m.mu.Lock()
		defer m.mu.Unlock()
		l := m.listeners[addr]
		if l == nil {
			return nil, syscall.ECONNREFUSED
		}
		from := net.TCPAddrFromAddrPort(netip.AddrPortFrom(host, m.port()))
		to := net.TCPAddrFromAddrPort(addr)
		ours, theirs := net.Pipe()
		l.queue <- &memoryConn{theirs, to, from}
		return &memoryConn{ours, from, to}, nil
	}
}

type memoryListener struct {
	net    *memory
	addr   netip.AddrPort
	queue  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.queue:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *memoryListener) Close() error {
	l.once.Do(func() {
		l.net.mu.Lock()
		defer l.net.mu.Unlock()
		delete(l.net.listeners, l.addr)
		close(l.closed)
		for {
			select {
			case c := <-l.queue:
				c.Close()
			default:
				return
			}
		}
	})
	return nil
}

func (l *memoryListener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.addr) }

type memoryConn struct {
	net.Conn
	local, remote net.Addr
}

func (c *memoryConn) LocalAddr() net.Addr  { return c.local }
func (c *memoryConn) RemoteAddr() net.Addr { return c.remote }

// agents returns a controlled and a controlling agent in one network of pipes.
// change may alter the configurations.
func agents(t testing.TB, network *memory, change func(i int, cfg *ice.Config)) [2]*ice.Agent {
	t.Helper()
	var pair [2]*ice.Agent
	for i := range pair {
		host := netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)})
		cfg := ice.Config{Controlling: i == 1, Addrs: []netip.Addr{host}, Listen: network.listen, Dial: network.dialFrom(host)}
		if change != nil {
			change(i, &cfg)
		}
		pair[i] = listen(t, cfg)
	}
	return pair
}

func listen(t testing.TB, cfg ice.Config) *ice.Agent {
	t.Helper()
	a, err := ice.Listen(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// result is what Connect returned.
type result struct {
	conn *ice.Conn
	err  error
}

// connect lets both agents connect at once.
func connect(t testing.TB, pair [2]*ice.Agent) (results [2]result) {
	t.Helper()
	var said [2]signaling.Description
	for i, a := range pair {
		// Through the text, as over the DHT.
		d := a.Description()
		var err error
		if said[i], err = signaling.ParseDescription(d.String()); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for i, a := range pair {
		wg.Go(func() {
			results[i].conn, results[i].err = a.Connect(t.Context(), said[1-i])
		})
	}
	wg.Wait()
	for _, r := range results {
		if r.conn != nil {
			t.Cleanup(func() { r.conn.Close() })
		}
	}
	return results
}

// connected is connect where it must succeed.
func connected(t testing.TB, pair [2]*ice.Agent) [2]*ice.Conn {
	t.Helper()
	results := connect(t, pair)
	if err := errors.Join(results[0].err, results[1].err); err != nil {
		t.Fatal(err)
	}
	return [2]*ice.Conn{results[0].conn, results[1].conn}
}

// exchange sends a line each way.
func exchange(t testing.TB, conns [2]*ice.Conn) {
	t.Helper()
	for i, from := range conns {
		go from.Write([]byte("hello\n"))
		got := make([]byte, 6)
		conns[1-i].SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := io.ReadFull(conns[1-i], got); err != nil || string(got) != "hello\n" {
			t.Fatalf("from side %d: %q, %v", i, got, err)
		}
		conns[1-i].SetReadDeadline(time.Time{})
	}
}
