// Package demo tells the story of two people on a private network: one follows
// the other, asks to be a contact, is accepted, and sees the other leave.
//
// Everything is real but the size: nodes of a network on the loopback interface,
// and two daemons with accounts of their own, in one process.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"rollcall/api/http"
	"rollcall/daemon"
	"rollcall/dht"
	"rollcall/dht/infohash"
	"rollcall/presence"
)

// Config says how the story is told. Out must be set.
type Config struct {
	Out  io.Writer
	Once bool // leave when it is told, instead of staying up
}

const (
	// lease is how long the devices of the story are seen after they left. The
	// default of a daemon is a minute.
	lease = 6 * time.Second
	// nodes is the size of the network, besides those of the two daemons.
	nodes = 4
	// patience bounds the wait for each turn of the story. Six RSA keys may take a
	// small machine a minute.
	patience = 2 * time.Minute
)

var loopback = netip.MustParseAddr("127.0.0.1")

// Run tells the story. It returns at the end of ctx, or when the story is told
// and cfg.Once is set; what it has started is gone then.
func Run(ctx context.Context, cfg Config) (err error) {
	dir, err := os.MkdirTemp("", "rollcall-demo-")
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	s := &stage{out: cfg.Out, dir: dir, start: time.Now()}
	defer func() { err = errors.Join(err, s.close(), os.RemoveAll(dir)) }()
	if err := s.build(ctx); err != nil {
		return err
	}
	if err := s.play(ctx); err != nil {
		return err
	}
	if cfg.Once {
		return nil
	}
	s.invite()
	<-ctx.Done()
	return nil
}

// stage is what the story is told on.
type stage struct {
	out        io.Writer
	dir        string
	start      time.Time
	bootstrap  string
	nodes      []*dht.Node
	alice, bob *person
}

func (s *stage) say(who, format string, args ...any) {
	fmt.Fprintf(s.out, "%5.1fs  %-7s  %s\n", time.Since(s.start).Seconds(), who, fmt.Sprintf(format, args...))
}

func (s *stage) close() error {
	var errs []error
	for _, p := range []*person{s.alice, s.bob} {
		if p != nil {
			errs = append(errs, p.leave())
		}
	}
	for _, node := range s.nodes {
		errs = append(errs, node.Close())
	}
	return errors.Join(errs...)
}

// build starts the network and the two daemons with an account each.
func (s *stage) build(ctx context.Context) error {
	var bootstrap []string
	for range nodes {
		node, err := dht.Open(ctx, dht.Config{Bind4: loopback, NoIPv6: true, Bootstrap: bootstrap})
		if err != nil {
			return fmt.Errorf("demo: %w", err)
		}
		s.nodes = append(s.nodes, node)
		s.bootstrap = s.nodes[0].Addrs()[0].String()
		bootstrap = []string{s.bootstrap}
	}
	s.say("network", "%d nodes on this machine, join them at %s", nodes, s.bootstrap)
	s.alice, s.bob = s.newPerson("alice"), s.newPerson("bob")
	for _, p := range []*person{s.alice, s.bob} {
		if err := p.arrive(ctx); err != nil {
			return err
		}
		if err := p.create(ctx); err != nil {
			return err
		}
	}
	for _, p := range []*person{s.alice, s.bob} {
		if err := p.awaitAnnounced(ctx); err != nil {
			return err
		}
		s.say(p.name, "is %v and announced on the network", p.uri)
	}
	return nil
}

// invite says how to go on from here.
func (s *stage) invite() {
	fmt.Fprintf(s.out, `
Both are still there. Talk to them from another terminal:

  %[5]s contact list --data-dir %[1]s
  %[5]s watch --data-dir %[2]s
  %[5]s dht get -b %[3]s %[4]v

End with Ctrl-C; nothing is left behind.
`, s.alice.dir, s.bob.dir, s.bootstrap, s.bob.uri, program())
}

// program is how to call this program, which need not be installed.
func program() string {
	const name = "rollcall"
	if _, err := exec.LookPath(name); err == nil {
		return name
	}
	path, err := os.Executable()
	if err != nil {
		return name
	}
	return path
}

// person is somebody with a daemon.
type person struct {
	stage  *stage
	name   string
	dir    string
	daemon *daemon.Daemon // nil while away
	events *daemon.Subscription
	served chan error // of the HTTP API
	stop   context.CancelFunc
	id     daemon.AccountID
	uri    infohash.Hash
}

func (s *stage) newPerson(name string) *person {
	return &person{stage: s, name: name, dir: filepath.Join(s.dir, name)}
}

// arrive starts the person's daemon and its HTTP API.
func (p *person) arrive(ctx context.Context) error {
	d, err := daemon.Open(ctx, daemon.Config{
		DataDir: p.dir, Bootstrap: []string{p.stage.bootstrap},
		Node:  dht.Config{Bind4: loopback, NoIPv6: true},
		Lease: lease, AllowShortLease: true, Dwell: time.Second, History: 100,
	})
	if err != nil {
		return err
	}
	server, err := http.Listen(http.Config{DataDir: p.dir}, d)
	if err != nil {
		return errors.Join(err, d.Close())
	}
	p.daemon, p.events, p.served = d, d.Subscribe(), make(chan error, 1)
	ctx, p.stop = context.WithCancel(context.WithoutCancel(ctx))
	go func() { p.served <- server.Serve(ctx) }()
	return nil
}

// leave ends the daemon without a word to anybody.
func (p *person) leave() error {
	if p.daemon == nil {
		return nil
	}
	p.stop()
	err := errors.Join(<-p.served, p.daemon.Close())
	p.daemon = nil
	return err
}

// create makes the person's account.
func (p *person) create(ctx context.Context) (err error) {
	p.stage.say(p.name, "makes an account: three RSA keys of 4096 bits")
	p.id, err = p.daemon.Create(ctx, daemon.Creation{Settings: daemon.Details{"Account.displayName": p.name}})
	return err
}

func (p *person) awaitAnnounced(ctx context.Context) error {
	err := await(ctx, p, "announcement", func(c daemon.VolatileChanged) bool {
		return c.Details["Account.deviceAnnounced"] == "true"
	})
	if err != nil {
		return err
	}
	account, err := p.daemon.Account(p.id)
	p.uri = account.URI
	return err
}

// sees waits until the person sees another with a status.
func (p *person) sees(ctx context.Context, other *person, status presence.Status) error {
	return await(ctx, p, other.name+" to be "+status.String(), func(c daemon.PresenceChanged) bool {
		return c.Peer == other.uri && c.Status == status
	})
}

// await reads a person's events up to the first that match accepts.
func await[C daemon.Change](ctx context.Context, p *person, what string, match func(C) bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		event, err := p.events.Next(ctx)
		if err != nil {
			return fmt.Errorf("demo: %s waits for %s: %w", p.name, what, err)
		}
		if change, ok := event.Change.(C); ok && match(change) {
			return nil
		}
	}
}
