package peer

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"rollcall/dht"
	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/identity"
	"rollcall/internal/dhttest"
	"rollcall/internal/eventlog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testBits is the size of test keys: the least that peers trust.
const testBits = 2048

// born is when people were. Simulated time goes by another clock.
var born = time.Now().Add(-time.Hour)

// people are accounts with a device each, made once.
var people = sync.OnceValue(func() []*identity.Device {
	devices := make([]*identity.Device, 3)
	var wg sync.WaitGroup
	for i := range devices {
		wg.Go(func() {
			_, device, err := identity.Generate(context.Background(), identity.Config{Bits: testBits}, born, rand.Reader)
			if err != nil {
				panic(err)
			}
			devices[i] = device
		})
	}
	wg.Wait()
	return devices
})

// person is one side of a connection, with its record of events.
type person struct {
	*Peers
	device *identity.Device

	mu       sync.Mutex
	standing map[infohash.Hash]Standing

	eventlog.Log // of what it told
}

// newPerson opens the peers of a device on a node. change may alter the
// configuration.
func newPerson(t testing.TB, node *dht.Node, device *identity.Device, change func(*Config)) *person {
	t.Helper()
	p := &person{device: device, standing: make(map[infohash.Hash]Standing)}
	self, err := dht.NewIdentity(device, device.Chain().DER()...)
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		Node: node, Device: device, Identity: self,
		Standing: func(account infohash.Hash, _ value.LongID) Standing {
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.standing[account]
		},
		FindAccount: func(_ context.Context, short infohash.Hash, _ value.LongID) (infohash.Hash, error) {
			for _, d := range people() {
				if d.ID() == short {
					return d.Account(), nil
				}
			}
			return infohash.Hash{}, dht.ErrNotFound
		},
		Verify: func(chain identity.Chain) (infohash.Hash, error) { return chain.Verify(born.Add(time.Hour)) },
		Incoming: func(_ *Conn, name string) func(net.Conn) {
			if !Talk(name) {
				return nil
			}
			return echo
		},
		Notify: p.record,
	}
	if testing.Verbose() {
		cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	if change != nil {
		change(&cfg)
	}
	if p.Peers, err = Open(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// echo sends back what comes.
func echo(ch net.Conn) {
	defer ch.Close()
	_, _ = io.Copy(ch, ch)
}

func (p *person) accept(other *person, s Standing) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.standing[other.device.Account()] = s
}

func (p *person) want(other *person) {
	p.Want(Device{Account: other.device.Account(), Key: other.device.SPKI()})
}

func (p *person) record(e Event) {
	if c, ok := e.(Connected); ok {
		c.Conn.Info() // what is told of can be used
	}
	p.Add(e)
}

// await waits for the first event after mark that match accepts, if there is one.
func await[E any](t testing.TB, p *person, mark int, match func(E) bool) E {
	t.Helper()
	return eventlog.Await(t, &p.Log, mark, 2*time.Minute, match)
}

// TestLoopback connects two devices over the network of this host.
func TestLoopback(t *testing.T) {
	nodes := dhttest.Network(t, 3)
	alice := newPerson(t, nodes[1], people()[0], nil)
	bob := newPerson(t, nodes[2], people()[1], nil)
	alice.accept(bob, Contact)
	bob.accept(alice, Contact)
	alice.want(bob)
	conn := await[Connected](t, alice, 0, nil).Conn
	t.Logf("%+v", conn.Info())
	other := await[Connected](t, bob, 0, nil).Conn
	if conn.Account() != bob.device.Account() || conn.Device() != bob.device.LongID() || conn.DeviceID() != bob.device.ID() {
		t.Errorf("connected with %v of %v", conn.Device(), conn.Account())
	}
	ch, err := conn.Open(t.Context(), MessageChannel(conn.Device()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ch.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(ch, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	await(t, bob, 0, func(e ChannelOpened) bool { return e.Conn == other && e.Name == MessageChannel(bob.device.LongID()) })
	mark := bob.Mark()
	conn.Close()
	await(t, bob, mark, func(e ChannelClosed) bool { return e.Conn == other })
	await(t, bob, mark, func(e Disconnected) bool { return e.Conn == other })
	await(t, alice, 0, func(e Disconnected) bool { return e.Conn == conn })
}
