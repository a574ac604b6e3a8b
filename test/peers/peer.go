package peers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"rollcall/dht/infohash"
	"rollcall/test/netns"
	"rollcall/test/peers/protocol"
)

// Peer is a DHT node that a test drives: a program that puts, gets and listens
// on request, by package protocol. Its methods are safe for concurrent use; they
// fail when the context or the program ends.
type Peer struct {
	*Process
	Host *netns.Host
	// Node is the node id.
	Node infohash.Hash
	Port uint16

	sending sync.Mutex // protects input; never taken with mu held
	input   io.WriteCloser

	mu      sync.Mutex // protects all below
	lastTag uint64
	replies map[uint64]chan protocol.Reply
	listens map[uint64]*Listen
}

// Kind is an implementation of Peer.
type Kind struct {
	Name    string
	program func(t testing.TB) string
}

var (
	// OpenDHT peers are nodes of libopendht.
	OpenDHT = Kind{"OpenDHT", buildDHTPeer}
	// Rollcall peers are nodes of package dht.
	Rollcall = Kind{"Rollcall", func(t testing.TB) string { return buildGo(t, "rollcall/test/peers/rollcallpeer") }}
)

// PeerConfig says how a peer starts. The zero value is a network of its own on
// a free port, without identity.
type PeerConfig struct {
	Port      uint16         // 0: a free one
	Bootstrap netip.AddrPort // invalid: none
	Network   uint32
	Identity  *Identity // published as a certificate; signs and decrypts
}

// Value is a value of the network, as peers report it.
type Value = protocol.Value

// Stats is what a peer knows of itself and the network.
type Stats = protocol.Stats

// Put says how a value is put. The zero value puts it plain and once.
type Put struct {
	Signed    bool
	To        infohash.Hash // encrypts to the owner of this key id
	Permanent bool
	Age       time.Duration // of a plain value, in seconds: it expires so much earlier
}

// Listen is a running listen.
type Listen struct {
	peer  *Peer
	key   infohash.Hash
	tag   uint64
	mu    sync.Mutex // protects queue
	queue []Event
	more  chan struct{} // capacity 1: queue has grown
}

// Event is what a listen reports: values that are new or have expired.
type Event struct {
	Values  []Value
	Expired bool
}

// Start starts a peer of this kind, and waits until it is connected to the
// network if it has a bootstrap node.
func (k Kind) Start(t testing.TB, host *netns.Host, config PeerConfig) *Peer {
	t.Helper()
	identity, bootstrap := "", ""
	if config.Identity != nil {
		identity = config.Identity.Path
	}
	if config.Bootstrap.IsValid() {
		bootstrap = config.Bootstrap.String()
	}
	cmd := exec.Command(k.program(t), strconv.Itoa(int(config.Port)), strconv.FormatUint(uint64(config.Network), 10), identity, bootstrap)
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	replies, output := io.Pipe()
	cmd.Stdout = output
	p := &Peer{
		Host: host, input: input,
		replies: make(map[uint64]chan protocol.Reply), listens: make(map[uint64]*Listen),
	}
	p.Process = startProcess(t, host, k.Name+" peer", cmd)
	go func() {
		<-p.ended
		output.Close()
	}()
	decoder := json.NewDecoder(replies)
	var ready protocol.Reply
	if err := decoder.Decode(&ready); err != nil {
		t.Fatalf("%s does not start: %v", p.Name, err)
	}
	p.Node, p.Port = ready.Node, ready.Port
	go p.receive(decoder)

	if bootstrap != "" {
		ctx, cancel := context.WithTimeout(t.Context(), startLimit)
		defer cancel()
		if err := p.WaitConnected(ctx); err != nil {
			t.Fatalf("%s by %v: %v", p.Name, config.Bootstrap, err)
		}
	}
	return p
}

// receive hands replies and events out, until the program ends.
func (p *Peer) receive(decoder *json.Decoder) {
	for {
		var r protocol.Reply
		if err := decoder.Decode(&r); err != nil {
			return
		}
		p.mu.Lock()
		waiting, listen := p.replies[r.Tag], p.listens[r.Tag]
		p.mu.Unlock()
		switch {
		case r.Event == "" && waiting != nil:
			waiting <- r
		case r.Event != "" && listen != nil:
			listen.add(Event{Values: r.Values, Expired: r.Event == protocol.EventExpired})
		}
	}
}

// call sends a request and waits for its reply. prepare, which may be nil, is
// called with the tag before the request goes out.
func (p *Peer) call(ctx context.Context, r protocol.Request, prepare func(tag uint64)) (protocol.Reply, error) {
	answer := make(chan protocol.Reply, 1)
	p.mu.Lock()
	p.lastTag++
	r.Tag = p.lastTag
	p.replies[r.Tag] = answer
	if prepare != nil {
		prepare(r.Tag)
	}
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.replies, r.Tag)
		p.mu.Unlock()
	}()
	if err := p.send(r); err != nil {
		return protocol.Reply{}, fmt.Errorf("%s: %s: %w", p.Name, r.Op, err)
	}
	start := time.Now()
	select {
	case got := <-answer:
		if r.Op != protocol.OpStats {
			fmt.Fprintf(p.output, "%s %v after %v: %d values %s\n", r.Op, r.Key.Short(), time.Since(start), len(got.Values), got.Error)
		}
		if got.Error != "" {
			return got, fmt.Errorf("%s: %s: %s", p.Name, r.Op, got.Error)
		}
		return got, nil
	case <-ctx.Done():
		return protocol.Reply{}, fmt.Errorf("%s: %s: %w", p.Name, r.Op, ctx.Err())
	case <-p.ended:
		return protocol.Reply{}, fmt.Errorf("%s: %s: %w", p.Name, r.Op, ErrEnded)
	}
}

func (p *Peer) send(r protocol.Request) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	p.sending.Lock()
	defer p.sending.Unlock()
	_, err = p.input.Write(append(line, '\n'))
	return err
}

// Put puts a value and returns it with the id and seq that the peer gave it,
// once nodes hold it.
func (p *Peer) Put(ctx context.Context, key infohash.Hash, v Value, how Put) (Value, error) {
	r := protocol.Request{Op: protocol.OpPut, Key: key, Value: &v, Kind: protocol.PutPlain, To: how.To, Permanent: how.Permanent}
	switch {
	case !how.To.IsZero():
		r.Kind = protocol.PutEncrypted
	case how.Signed:
		r.Kind = protocol.PutSigned
	default:
		r.Age = int64(how.Age / time.Second)
	}
	got, err := p.call(ctx, r, nil)
	if err != nil || len(got.Values) != 1 {
		return Value{}, err
	}
	return got.Values[0], nil
}

// Get returns the values at key that match where ("" or OpenDHT's text form
// such as "WHERE id=5"), decrypted where the peer is their recipient.
func (p *Peer) Get(ctx context.Context, key infohash.Hash, where string) ([]Value, error) {
	got, err := p.call(ctx, protocol.Request{Op: protocol.OpGet, Key: key, Query: where}, nil)
	return got.Values, err
}

// Query returns the selected fields of values ("SELECT id WHERE seq=1").
func (p *Peer) Query(ctx context.Context, key infohash.Hash, query string) ([]Value, error) {
	got, err := p.call(ctx, protocol.Request{Op: protocol.OpQuery, Key: key, Query: query}, nil)
	return got.Values, err
}

// HasCertificate looks up the certificate of a key id.
func (p *Peer) HasCertificate(ctx context.Context, id infohash.Hash) (bool, error) {
	got, err := p.call(ctx, protocol.Request{Op: protocol.OpCertificate, Key: id}, nil)
	return got.Found, err
}

// Listen follows the values at key. The listen ends with Cancel or the peer.
func (p *Peer) Listen(ctx context.Context, key infohash.Hash, where string) (*Listen, error) {
	l := &Listen{peer: p, key: key, more: make(chan struct{}, 1)}
	_, err := p.call(ctx, protocol.Request{Op: protocol.OpListen, Key: key, Query: where}, func(tag uint64) {
		l.tag = tag
		p.listens[tag] = l
	})
	return l, err
}

// Ping waits for the answer of a node, which the peer knows from then on.
func (p *Peer) Ping(ctx context.Context, node netip.AddrPort) error {
	_, err := p.call(ctx, protocol.Request{Op: protocol.OpPing, Host: node.Addr().String(), Port: strconv.Itoa(int(node.Port()))}, nil)
	return err
}

// Stats returns what the peer knows of the network.
func (p *Peer) Stats(ctx context.Context) (Stats, error) {
	got, err := p.call(ctx, protocol.Request{Op: protocol.OpStats}, nil)
	return got.Stats, err
}

// WaitConnected waits until the peer is connected to a network.
func (p *Peer) WaitConnected(ctx context.Context) error {
	return Eventually(ctx, func() (bool, error) {
		stats, err := p.Stats(ctx)
		if err == nil && !stats.Connected {
			err = fmt.Errorf("%s is not connected: %d and %d good nodes", p.Name, stats.Good4, stats.Good6)
		}
		return err == nil, err
	})
}

// WaitNodes waits until the peer knows n good nodes in both families together.
func (p *Peer) WaitNodes(ctx context.Context, n int) error {
	return Eventually(ctx, func() (bool, error) {
		stats, err := p.Stats(ctx)
		if err == nil && stats.Good4+stats.Good6 < n {
			err = fmt.Errorf("%s knows %d and %d good nodes, not %d", p.Name, stats.Good4, stats.Good6, n)
		}
		return err == nil, err
	})
}

// Addr returns the peer's address.
func (p *Peer) Addr() netip.AddrPort { return p.Host.AddrPort(p.Port) }

// Stop lets the peer leave cleanly.
func (p *Peer) Stop() error { return p.stop(p.input.Close()) }

// Next returns the next event, in order.
func (l *Listen) Next(ctx context.Context) (Event, error) {
	for {
		l.mu.Lock()
		if len(l.queue) > 0 {
			event := l.queue[0]
			l.queue = l.queue[1:]
			l.mu.Unlock()
			return event, nil
		}
		l.mu.Unlock()
		select {
		case <-l.more:
		case <-ctx.Done():
			return Event{}, fmt.Errorf("%s: listening: %w", l.peer.Name, ctx.Err())
		case <-l.peer.ended:
			return Event{}, fmt.Errorf("%s: listening: %w", l.peer.Name, ErrEnded)
		}
	}
}

// Quiet fails if an event comes within the time given.
func (l *Listen) Quiet(ctx context.Context, during time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, during)
	defer cancel()
	event, err := l.Next(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	if err == nil {
		err = fmt.Errorf("%s: listening: unexpected event %+v", l.peer.Name, event)
	}
	return err
}

// Cancel ends the listen.
func (l *Listen) Cancel(ctx context.Context) error {
	_, err := l.peer.call(ctx, protocol.Request{Op: protocol.OpCancelListen, Key: l.key, Listen: l.tag}, nil)
	return err
}

func (l *Listen) add(e Event) {
	l.mu.Lock()
	l.queue = append(l.queue, e)
	l.mu.Unlock()
	select {
	case l.more <- struct{}{}:
	default:
	}
}
