package ice_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/ice"
	"rollcall/ice/signaling"
	"rollcall/internal/simnet"
)

// refuse is a Dial that reaches nobody.
func refuse(context.Context, netip.AddrPort) (net.Conn, error) { return nil, syscall.ECONNREFUSED }

// hang is a Dial of packets that are dropped.
func hang(ctx context.Context, _ netip.AddrPort) (net.Conn, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestSimulatedConnects(t *testing.T) {
	tests := []struct {
		name   string
		change func(i int, cfg *ice.Config)
		most   time.Duration
	}{
		{"both dial", nil, 0},
		{"only the controlling side reaches the other", func(i int, cfg *ice.Config) {
			if i == 0 {
				cfg.Dial = hang
			}
		}, 0},
		{"only the controlled side reaches the other", func(i int, cfg *ice.Config) {
			if i == 1 {
				cfg.Dial = refuse
			}
		}, 0},
		{"both controlling", func(_ int, cfg *ice.Config) { cfg.Controlling = true }, time.Second},
		{"both controlled", func(_ int, cfg *ice.Config) { cfg.Controlling = false }, time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				conns := connected(t, agents(t, simnet.NewStreams(), tt.change))
				if took := time.Since(start); took > tt.most {
					t.Errorf("took %v", took)
				}
				if conns[0].Controlling() == conns[1].Controlling() {
					t.Error("both sides have the same role")
				}
				local, remote := conns[0].Addrs()
				if ours, theirs := conns[1].Addrs(); ours != remote || theirs != local || !local.IsValid() {
					t.Errorf("one side is at %v with %v, the other at %v with %v", local, remote, ours, theirs)
				}
				exchange(t, conns)
			})
		})
	}
}

func TestSimulatedFails(t *testing.T) {
	tests := []struct {
		name string
		dial func(context.Context, netip.AddrPort) (net.Conn, error)
		want error
	}{
		{"refused", refuse, ice.ErrUnreachable},
		{"dropped", hang, ice.ErrUnreachable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				results := connect(t, agents(t, simnet.NewStreams(), func(_ int, cfg *ice.Config) { cfg.Dial = tt.dial }))
				for i, r := range results {
					if !errors.Is(r.err, tt.want) {
						t.Errorf("side %d: %v", i, r.err)
					}
				}
				if took := time.Since(start); took > 40*time.Second {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

// lossy loses the n-th write of a connection, and with silent all that follow.
type lossy struct {
	net.Conn
	n      int
	silent bool
	writes int
}

func (c *lossy) Write(p []byte) (int, error) {
	if c.writes++; c.writes == c.n || c.silent && c.writes > c.n {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

func TestSimulatedLoss(t *testing.T) {
	tests := []struct {
		name   string
		n      int
		silent bool
		most   time.Duration // to succeed; 0: must fail
	}{
		{"first message", 1, false, 2 * time.Second},
		{"second message", 2, false, 2 * time.Second},
		{"third message", 3, false, 2 * time.Second},
		{"dead from the start", 1, true, 0},
		{"dead after its first message", 2, true, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				network := simnet.NewStreams()
				results := connect(t, agents(t, network, func(i int, cfg *ice.Config) {
					dial := cfg.Dial
					cfg.Dial = refuse
					if i == 1 {
						cfg.Dial = func(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
							nc, err := dial(ctx, addr)
							return &lossy{Conn: nc, n: tt.n, silent: tt.silent}, err
						}
					}
				}))
				took := time.Since(start)
				switch err := errors.Join(results[0].err, results[1].err); {
				case tt.most == 0 && (results[0].err == nil || results[1].err == nil):
					t.Errorf("succeeded: %v, %v", results[0].err, results[1].err)
				case tt.most == 0:
				case err != nil:
					t.Error(err)
				case took > tt.most:
					t.Errorf("took %v", took)
				default:
					exchange(t, [2]*ice.Conn{results[0].conn, results[1].conn})
				}
				if took > 40*time.Second {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

func TestSimulatedAnHourOfSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conns := connected(t, agents(t, simnet.NewStreams(), nil))
		// Pipes have no buffer: without readers nothing of the keepalives leaves.
		got := make(chan string, 2)
		for _, c := range conns {
			go func() {
				buf := make([]byte, 100)
				n, _ := c.Read(buf)
				got <- string(buf[:n])
			}()
		}
		time.Sleep(time.Hour)
		for _, c := range conns {
			if _, err := c.Write([]byte("still there")); err != nil {
				t.Fatal(err)
			}
		}
		for range conns {
			if s := <-got; s != "still there" {
				t.Errorf("read %q", s)
			}
		}
	})
}

func TestSimulatedEnds(t *testing.T) {
	nobody := signaling.Description{Ufrag: "u", Password: "p", Candidates: []signaling.Candidate{
		{Addr: netip.MustParseAddrPort("10.0.0.9:1"), TCPType: signaling.Passive},
	}}
	t.Run("context", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a := agents(t, simnet.NewStreams(), func(_ int, cfg *ice.Config) { cfg.Dial = hang })[0]
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := a.Connect(ctx, nobody); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("connect: %v", err)
			}
			if _, err := a.Connect(t.Context(), nobody); !errors.Is(err, net.ErrClosed) {
				t.Errorf("connect again: %v", err)
			}
		})
	})
	t.Run("close", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a := agents(t, simnet.NewStreams(), func(_ int, cfg *ice.Config) { cfg.Dial = hang })[0]
			time.AfterFunc(time.Second, func() { a.Close() })
			if _, err := a.Connect(t.Context(), nobody); !errors.Is(err, net.ErrClosed) {
				t.Errorf("connect: %v", err)
			}
		})
	})
	t.Run("twice", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			pair := agents(t, simnet.NewStreams(), nil)
			conns := connected(t, pair)
			if _, err := pair[0].Connect(t.Context(), nobody); !errors.Is(err, ice.ErrStarted) {
				t.Errorf("connect again: %v", err)
			}
			if err := pair[0].AddMapped(netip.MustParseAddrPort("192.0.2.1:1")); !errors.Is(err, ice.ErrStarted) {
				t.Errorf("late candidate: %v", err)
			}
			pair[0].Close() // does not concern the connection
			exchange(t, conns)
		})
	})
}

func TestSimulatedStrangers(t *testing.T) {
	frame := func(p []byte) []byte { return append([]byte{byte(len(p) >> 8), byte(len(p))}, p...) }
	tests := []struct {
		name  string
		bytes []byte
	}{
		{"nothing", nil},
		{"half a header", []byte{0}},
		{"HTTP", []byte("GET / HTTP/1.1\r\n\r\n")},
		{"an empty frame, then data", append(frame(nil), frame([]byte("data"))...)},
		{"data", frame(make([]byte, 60_000))},
		{"STUN without attributes", frame([]byte("\x00\x01\x00\x00\x21\x12\xa4\x42123456789012"))},
		{"STUN cut short", frame([]byte("\x00\x01\x00\x04\x21\x12\xa4\x42123456789012\x00\x06\x00\xff"))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := simnet.NewStreams()
				pair := agents(t, network, nil)
				stranger, err := network.DialFrom(netip.MustParseAddr("10.0.0.66"))(t.Context(), pair[0].Addrs()[0])
				if err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				go stranger.Write(tt.bytes)
				if n, err := stranger.Read(make([]byte, 100)); err == nil {
					t.Errorf("%d bytes for a stranger", n)
				}
				if took := time.Since(start); took > 5*time.Second {
					t.Errorf("put up with for %v", took)
				}
				exchange(t, connected(t, pair))
			})
		})
	}
}

// relayListener is a listener like those of TURN clients: Accept fails now and
// then, and only a deadline ends one that is waiting.
type relayListener struct {
	net.Listener
	fail     int // that many times
	deadline chan struct{}
}

func (l *relayListener) Accept() (net.Conn, error) {
	if l.fail > 0 {
		l.fail--
		return nil, errors.New("could not bind the connection")
	}
	type accepted struct {
		conn net.Conn
		err  error
	}
	c := make(chan accepted, 1)
	go func() {
		conn, err := l.Listener.Accept()
		c <- accepted{conn, err}
	}()
	select {
	case a := <-c:
		if a.err != nil {
			<-l.deadline
		}
		return a.conn, a.err
	case <-l.deadline:
		return nil, errors.New("timeout")
	}
}

func (l *relayListener) SetDeadline(time.Time) error {
	close(l.deadline)
	return nil
}

func TestSimulatedRelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := simnet.NewStreams()
		pair := agents(t, network, func(i int, cfg *ice.Config) {
			dial := cfg.Dial
			cfg.Dial = func(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
				if addr.Addr() != netip.MustParseAddr("192.0.2.1") {
					return hang(ctx, addr)
				}
				return dial(ctx, addr)
			}
		})
		relay, err := network.Listen(t.Context(), netip.MustParseAddrPort("192.0.2.1:0"))
		if err != nil {
			t.Fatal(err)
		}
		addr := netip.MustParseAddrPort(relay.Addr().String())
		if err := pair[0].AddRelay(addr, &relayListener{relay, 2, make(chan struct{})}); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		conns := connected(t, pair)
		if took := time.Since(start); took > time.Second {
			t.Errorf("took %v", took)
		}
		if !conns[0].Relayed() || !conns[1].Relayed() {
			t.Error("the connection does not go through the relay")
		}
		if ours, theirs := conns[0].Pair(); ours != signaling.Relayed || theirs != signaling.Host {
			t.Errorf("candidates %v-%v", ours, theirs)
		}
		if ours, theirs := conns[1].Pair(); ours != signaling.Host || theirs != signaling.Relayed {
			t.Errorf("candidates %v-%v at the other end", ours, theirs)
		}
		exchange(t, conns)
		// The relay is given up with the connection, not before.
		if _, err := network.DialFrom(addr.Addr())(t.Context(), addr); err != nil {
			t.Errorf("the relay is gone before the connection: %v", err)
		}
		conns[0].Close()
		if _, err := network.DialFrom(addr.Addr())(t.Context(), addr); err == nil {
			t.Error("the relay outlives the connection")
		}
	})
}
