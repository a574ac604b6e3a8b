package peer

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/channel"
	"rollcall/dht"
	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/ice"
	"rollcall/ice/signaling"
	"rollcall/internal/simnet"
)

// simulation is a network in memory, in virtual time: a host for each device of
// people, with a node and TCP.
type simulation struct {
	t       *testing.T
	streams *simnet.Streams
	nodes   []*dht.Node
}

// simulate runs a test in a network with this delay.
func simulate(t *testing.T, latency time.Duration, test func(t *testing.T, s *simulation)) {
	t.Helper()
	people() // made in real time
	synctest.Test(t, func(t *testing.T) {
		s := &simulation{t: t, streams: simnet.NewStreams()}
		packets := simnet.NewNet(simnet.Config{Seed: 1, Link: simnet.Link{Latency: latency}})
		for i := range 1 + len(people()) {
			cfg := dht.Config{
				Bind4: host(i), NoIPv6: true, Port: 4222,
				ListenPacket: func(addr netip.AddrPort) (net.PacketConn, error) { return packets.ListenPacket(addr) },
			}
			if i > 0 {
				cfg.Bootstrap = []string{host(0).String()}
			}
			node, err := dht.Open(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { node.Close() })
			s.nodes = append(s.nodes, node)
		}
		for _, node := range s.nodes[1:] {
			if err := node.WaitConnected(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		test(t, s)
	})
}

func host(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}) }

// person opens the peers of the i-th of people on a host of their own.
func (s *simulation) person(i int, change func(*Config)) *person {
	s.t.Helper()
	return newPerson(s.t, s.nodes[1+i], people()[i], func(cfg *Config) {
		cfg.Listen, cfg.Dial = s.streams.Listen, s.streams.DialFrom(host(1+i))
		if change != nil {
			change(cfg)
		}
	})
}

// couple opens the peers of two people who know each other.
func (s *simulation) couple() (alice, bob *person) {
	s.t.Helper()
	alice, bob = s.person(0, nil), s.person(1, nil)
	alice.accept(bob, Contact)
	bob.accept(alice, Contact)
	return alice, bob
}

// talk sends something over a new channel and waits for it to come back.
func talk(t *testing.T, c *Conn) {
	t.Helper()
	ch, err := c.Open(t.Context(), SIPChannel)
	if err != nil {
		t.Fatal(err)
	}
	defer ch.Close()
	_ = ch.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := ch.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(ch, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
}

// TestBothAsk at once: both connections stay, and both can be used.
func TestBothAsk(t *testing.T) {
	simulate(t, 500*time.Millisecond, func(t *testing.T, s *simulation) {
		alice, bob := s.couple()
		alice.want(bob)
		bob.want(alice)
		time.Sleep(30 * time.Second)
		for _, p := range []*person{alice, bob} {
			conns := p.Conns()
			if len(conns) != 2 || conns[0].Info().Asked == conns[1].Info().Asked {
				t.Fatalf("%d connections, want one that each asked for", len(conns))
			}
			for _, c := range conns {
				talk(t, c)
			}
		}
		time.Sleep(time.Hour)
		if stats := alice.Stats(); len(alice.Conns()) != 2 || stats.Asked != 1 || stats.Connected != 2 {
			t.Errorf("an hour later: %d connections, %+v", len(alice.Conns()), stats)
		}
	})
}

// TestOneConnection suffices where both learn of each other at once, on a network
// that is not slow.
func TestOneConnection(t *testing.T) {
	simulate(t, 10*time.Millisecond, func(t *testing.T, s *simulation) {
		alice, bob := s.couple()
		alice.want(bob)
		bob.want(alice)
		time.Sleep(time.Minute)
		if a, b := alice.Stats(), bob.Stats(); a.Connected != 1 || b.Connected != 1 || a.Asked+b.Asked != 1 {
			t.Errorf("%+v and %+v", a, b)
		}
	})
}

// TestUnwelcome passes over who is not welcome, and hears no answer for it.
func TestUnwelcome(t *testing.T) {
	simulate(t, 10*time.Millisecond, func(t *testing.T, s *simulation) {
		alice, bob := s.couple()
		bob.accept(alice, Unwelcome)
		alice.want(bob)
		time.Sleep(29 * time.Second)
		if stats := alice.Stats(); stats.Asked != 1 || stats.Unanswered != 0 {
			t.Errorf("before the end of the attempt: %+v", stats)
		}
		time.Sleep(2 * time.Second)
		if a, b := alice.Stats(), bob.Stats(); a.Unanswered != 1 || b.Unwelcome != 1 || b.Answered != 0 {
			t.Errorf("%+v and %+v", a, b)
		}
		// Once welcome, the next request is answered.
		bob.accept(alice, Stranger)
		conn := await[Connected](t, alice, 0, nil).Conn
		talk(t, conn)

		// Until it is not any more.
		bob.accept(alice, Unwelcome)
		bob.Review(infohash.Hash{1})
		synctest.Wait()
		if len(bob.Conns()) != 1 {
			t.Error("a review of others closed the connection")
		}
		bob.Review(alice.device.Account())
		if d := await[Disconnected](t, alice, 0, nil); d.Conn != conn || d.Reason != channel.StreamEnd {
			t.Errorf("disconnected: %v", d.Reason)
		}
	})
}

// TestCrowded: the devices of one account get no more connections than their due.
func TestCrowded(t *testing.T) {
	simulate(t, 10*time.Millisecond, func(t *testing.T, s *simulation) {
		alice, bob := s.couple()
		alice.Peers.mu.Lock()
		for range maxConnsOfOne {
			alice.lastConn++
			alice.conns[alice.lastConn] = &Conn{account: bob.device.Account()}
		}
		alice.Peers.mu.Unlock()
		alice.want(bob)
		time.Sleep(10 * time.Second)
		if stats := alice.Stats(); stats.Crowded != 1 || stats.Connected != 0 {
			t.Errorf("%+v", stats)
		}
		alice.Peers.mu.Lock()
		clear(alice.conns)
		alice.Peers.mu.Unlock()
		talk(t, await[Connected](t, alice, alice.Mark(), nil).Conn)
	})
}

// TestUnproven does not answer a device without a certificate.
func TestUnproven(t *testing.T) {
	simulate(t, 10*time.Millisecond, func(t *testing.T, s *simulation) {
		alice := s.person(0, nil)
		bob := s.person(1, func(cfg *Config) {
			cfg.FindAccount = func(context.Context, infohash.Hash, value.LongID) (infohash.Hash, error) {
				return infohash.Hash{}, dht.ErrNotFound
			}
		})
		bob.accept(alice, Contact)
		alice.accept(bob, Contact)
		alice.want(bob)
		time.Sleep(45 * time.Second)
		if stats := bob.Stats(); stats.Unproven != 1 || stats.Answered != 0 {
			t.Errorf("%+v", stats)
		}
	})
}

// TestReplayed treats a request once only, also over a restart.
func TestReplayed(t *testing.T) {
	simulate(t, 10*time.Millisecond, func(t *testing.T, s *simulation) {
		treated := make(map[uint64]bool)
		var mu sync.Mutex
		remember := func(cfg *Config) {
			cfg.Treat = func(_ value.LongID, id uint64) (bool, error) {
				mu.Lock()
				defer mu.Unlock()
				first := !treated[id]
				treated[id] = true
				return first, nil
			}
		}
		alice := s.person(0, nil)
		bob := s.person(1, remember)
		alice.accept(bob, Contact)
		bob.accept(alice, Contact)
		alice.want(bob)
		await[Connected](t, alice, 0, nil)
		if stats := bob.Stats(); stats.Answered != 1 || stats.Repeated != 1 {
			t.Errorf("one request, at two keys: %+v", stats)
		}
		alice.Close()
		bob.Close()
		again := s.person(1, remember)
		again.accept(alice, Contact)
		time.Sleep(time.Minute)
		if stats := again.Stats(); stats.Answered != 0 || stats.Repeated != 2 {
			t.Errorf("after a restart: %+v", stats)
		}
	})
}

// TestNobodyThere ends attempts and answers whose other side has gone.
func TestNobodyThere(t *testing.T) {
	simulate(t, 10*time.Millisecond, func(t *testing.T, s *simulation) {
		alice, bob := s.couple()
		bob.Close()
		alice.want(bob)
		time.Sleep(20 * time.Second)
		alice.Close()
		bob = s.person(1, func(cfg *Config) { // his node has her request already
			cfg.Standing = func(infohash.Hash, value.LongID) Standing { return Contact }
		})
		time.Sleep(2 * time.Minute)
		if stats := bob.Stats(); stats.Answered != 1 || stats.Unreachable != 1 {
			t.Errorf("an answer to nobody: %+v", stats)
		}
	})
}

// TestCut finds out that the way is gone within half a minute, and connects again
// when it is mended.
func TestCut(t *testing.T) {
	simulate(t, 10*time.Millisecond, func(t *testing.T, s *simulation) {
		alice, bob := s.couple()
		alice.want(bob)
		bob.want(alice)
		conn := await[Connected](t, alice, 0, nil).Conn
		ch, err := conn.Open(t.Context(), SIPChannel)
		if err != nil {
			t.Fatal(err)
		}
		defer ch.Close()
		time.Sleep(2 * time.Minute)
		start := time.Now()
		s.streams.Cut(true)
		if c := await[ChannelClosed](t, alice, 0, nil); c.Reason != channel.Silent || c.Name != SIPChannel || c.Conn != conn {
			t.Errorf("closed: %+v", c)
		}
		await[Disconnected](t, bob, 0, nil)
		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("noticed after %v", took)
		}
		time.Sleep(time.Minute)
		s.streams.Cut(false)
		mark := alice.Mark()
		talk(t, await[Connected](t, alice, mark, nil).Conn)
		if took := time.Since(start); took > 5*time.Minute {
			t.Errorf("connected again after %v", took)
		}
	})
}

// TestNetworkChanged finds out at once.
func TestNetworkChanged(t *testing.T) {
	simulate(t, 10*time.Millisecond, func(t *testing.T, s *simulation) {
		alice, bob := s.couple()
		alice.want(bob)
		await[Connected](t, alice, 0, nil)
		time.Sleep(time.Minute)
		alice.NetworkChanged()
		time.Sleep(10 * time.Second)
		if len(alice.Conns()) != 1 {
			t.Fatal("a connection that works was closed")
		}
		s.streams.Cut(true)
		start := time.Now()
		alice.NetworkChanged()
		await[Disconnected](t, alice, 0, nil)
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("noticed after %v", took)
		}
	})
}

// dying is a connection that loses all that is written after so many writes.
type dying struct {
	net.Conn
	left int
}

func (c *dying) Write(p []byte) (int, error) {
	if c.left == 0 {
		return len(p), nil
	}
	c.left--
	return c.Conn.Write(p)
}

// TestHalfOpen lets connections die at every point of their making: each attempt
// ends, and a later one succeeds.
func TestHalfOpen(t *testing.T) {
	for _, writes := range []int{0, 1, 2, 3, 4, 5, 8} {
		simulate(t, 10*time.Millisecond, func(t *testing.T, s *simulation) {
			var healthy atomic.Bool
			alice := s.person(0, func(cfg *Config) {
				dial := cfg.Dial
				cfg.Dial = func(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
					nc, err := dial(ctx, addr)
					if err != nil || healthy.Load() {
						return nc, err
					}
					return &dying{nc, writes}, nil
				}
			})
			bob := s.person(1, func(cfg *Config) {
				cfg.Dial = func(context.Context, netip.AddrPort) (net.Conn, error) { return nil, errors.New("refused") }
			})
			alice.accept(bob, Contact)
			bob.accept(alice, Contact)
			alice.want(bob)
			time.Sleep(3 * time.Minute)
			for _, p := range []*person{alice, bob} {
				for _, c := range p.Conns() {
					// The last writes may be after it stood.
					if age := time.Since(c.Info().Since); age > 30*time.Second {
						t.Errorf("after %d writes: a connection lives for %v", writes, age)
					}
				}
			}
			healthy.Store(true)
			time.Sleep(15 * time.Minute)
			if conns := alice.Conns(); len(conns) != 1 {
				t.Errorf("after %d writes: %d connections in the end", writes, len(conns))
			} else {
				talk(t, conns[0])
			}
			if n := bob.Stats().Asked; n != 0 {
				t.Errorf("after %d writes: bob, who wants nobody, has asked %d times", writes, n)
			}
		})
	}
}

// TestGather waits for other ways, but not for long, and holds on to them as long
// as the connection lives.
func TestGather(t *testing.T) {
	for _, wait := range []time.Duration{0, time.Second, time.Hour} {
		simulate(t, 10*time.Millisecond, func(t *testing.T, s *simulation) {
			met := make(chan signaling.Description, 1)
			released := make(chan struct{})
			var once sync.Once // the end of the test ends other attempts
			alice := s.person(0, func(cfg *Config) {
				cfg.Gather = func(ctx context.Context, a *ice.Agent) func(signaling.Description) {
					context.AfterFunc(ctx, func() { once.Do(func() { close(released) }) })
					select {
					case <-time.After(wait):
					case <-ctx.Done():
						return nil
					}
					return func(d signaling.Description) { met <- d }
				}
			})
			bob := s.person(1, nil)
			alice.accept(bob, Contact)
			bob.accept(alice, Contact)
			start := time.Now()
			alice.want(bob)
			conn := await[Connected](t, alice, 0, nil).Conn
			if took := time.Since(start); took < min(wait, GatherLimit) || took > min(wait, GatherLimit)+2*time.Second {
				t.Errorf("connected after %v, with ways found after %v", took, wait)
			}
			if wait < GatherLimit {
				if d := <-met; len(d.Candidates) == 0 {
					t.Error("the peer was not told of")
				}
			}
			time.Sleep(time.Minute)
			select {
			case <-released:
				t.Error("released while the connection lives")
			default:
			}
			conn.Close()
			<-released
		})
	}
}

// TestClose ends attempts of every age.
func TestClose(t *testing.T) {
	for _, after := range []time.Duration{0, 30 * time.Millisecond, 100 * time.Millisecond, time.Second} {
		simulate(t, 10*time.Millisecond, func(t *testing.T, s *simulation) {
			alice, bob := s.couple()
			alice.want(bob)
			time.Sleep(after)
			start := time.Now()
			alice.Close()
			alice.Close()
			if took := time.Since(start); took > time.Second {
				t.Errorf("after %v: closed after %v", after, took)
			}
			if n := len(alice.Conns()); n > 0 {
				t.Errorf("%d connections are left", n)
			}
			alice.want(bob) // too late, and no harm
			time.Sleep(time.Minute)
			if n := len(bob.Conns()); n > 0 {
				t.Errorf("bob has %d connections", n)
			}
		})
	}
}
