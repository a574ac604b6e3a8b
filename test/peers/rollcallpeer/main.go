// Command rollcallpeer is a node of package dht that a test drives, by package
// protocol.
package main

import (
	"bufio"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"time"

	"rollcall/dht"
	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/test/peers/protocol"
)

// maxLine is the longest request: a value of 64 KiB in hex digits, and more.
const maxLine = 1 << 20

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: rollcallpeer PORT NETWORK IDENTITY BOOTSTRAP")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(port, network, identity, bootstrap string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var cfg dht.Config
	p, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return err
	}
	n, err := strconv.ParseUint(network, 10, 32)
	if err != nil {
		return err
	}
	cfg.Port, cfg.Network = uint16(p), uint32(n)
	if bootstrap != "" {
		cfg.Bootstrap = []string{bootstrap}
	}
	peer := &peer{
		listens: make(map[uint64]context.CancelFunc),
		out:     json.NewEncoder(os.Stdout),
	}
	if identity != "" {
		if peer.identity, err = loadIdentity(identity); err != nil {
			return err
		}
		cfg.Identity = peer.identity
	}
	if peer.node, err = dht.Open(ctx, cfg); err != nil {
		return err
	}
	defer peer.node.Close()
	if peer.identity != nil {
		go peer.publish(ctx)
	}
	peer.print(protocol.Reply{Event: protocol.EventReady, Stats: peer.stats()})

	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var r protocol.Request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return err
		}
		go peer.serve(ctx, r)
	}
	return lines.Err()
}

// peer serves the requests, each on a goroutine of its own.
type peer struct {
	node     *dht.Node
	identity *dht.Identity

	mu      sync.Mutex                    // protects all below
	listens map[uint64]context.CancelFunc // by tag
	out     *json.Encoder
}

func (p *peer) print(r protocol.Reply) {
	p.mu.Lock()
	defer p.mu.Unlock()
	// A test that does not read any more has ended.
	_ = p.out.Encode(r)
}

// publish keeps the identity's certificate on the network.
func (p *peer) publish(ctx context.Context) {
	if p.node.WaitConnected(ctx) != nil {
		return
	}
	if _, err := p.node.Publish(ctx, p.identity); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

func (p *peer) serve(ctx context.Context, r protocol.Request) {
	if r.Op == protocol.OpListen {
		p.listen(ctx, r)
		return
	}
	reply, err := p.answer(ctx, r)
	if err != nil {
		reply.Error = err.Error()
	}
	reply.Tag = r.Tag
	p.print(reply)
}

func (p *peer) answer(ctx context.Context, r protocol.Request) (reply protocol.Reply, err error) {
	switch r.Op {
	case protocol.OpPut:
		var v *value.Value
		v, err = p.put(ctx, r)
		reply.Values = describe(v)
	case protocol.OpGet:
		reply.Values, err = p.get(ctx, r)
	case protocol.OpQuery:
		reply.Values, err = p.query(ctx, r)
	case protocol.OpCancelListen:
		err = p.cancelListen(r)
	case protocol.OpCertificate:
		_, err = p.node.FindCertificate(ctx, r.Key, value.LongID{})
		reply.Found = err == nil
	case protocol.OpPing:
		err = p.ping(ctx, r)
	case protocol.OpStats:
		reply.Stats = p.stats()
	default:
		err = fmt.Errorf("unknown op %q", r.Op)
	}
	return reply, err
}

func (p *peer) put(ctx context.Context, r protocol.Request) (*value.Value, error) {
	v := &value.Value{ID: r.Value.ID, Type: value.TypeID(r.Value.Type), UserType: r.Value.UserType, Data: r.Value.Data}
	switch {
	case r.Kind == protocol.PutEncrypted && r.Permanent:
		chain, err := p.node.FindCertificate(ctx, r.To, value.LongID{})
		if err != nil {
			return v, err
		}
		sealed, err := dht.Seal(p.identity, chain[0].SPKI, v)
		if err != nil {
			return v, err
		}
		return v, p.keep(ctx, r.Key, sealed)
	case r.Kind == protocol.PutEncrypted:
		_, err := p.node.PutEncrypted(ctx, p.identity, r.To, r.Key, v)
		return v, err
	case r.Kind == protocol.PutSigned && r.Permanent:
		if err := p.node.Sign(ctx, p.identity, r.Key, v); err != nil {
			return v, err
		}
		return v, p.keep(ctx, r.Key, v)
	case r.Kind == protocol.PutSigned:
		_, err := p.node.PutSigned(ctx, p.identity, r.Key, v)
		return v, err
	case r.Permanent:
		return v, p.keep(ctx, r.Key, v)
	}
	created := time.Time{}
	if r.Age != 0 {
		created = time.Now().Add(-time.Duration(r.Age) * time.Second)
	}
	_, err := p.node.PutSince(ctx, r.Key, v, created)
	return v, err
}

func (p *peer) keep(ctx context.Context, key infohash.Hash, v *value.Value) error {
	k, err := p.node.Keep(ctx, key, v)
	if err != nil {
		return err
	}
	_, err = k.Wait(ctx)
	return err
}

func (p *peer) get(ctx context.Context, r protocol.Request) (values []protocol.Value, err error) {
	lookup, err := p.lookup(r.Query)
	if err != nil {
		return nil, err
	}
	for v, err := range p.node.Get(ctx, r.Key, lookup) {
		if err != nil {
			return values, err
		}
		values = append(values, describe(v)...)
	}
	return values, nil
}

func (p *peer) query(ctx context.Context, r protocol.Request) (values []protocol.Value, err error) {
	q, err := value.ParseQueryText(r.Query)
	if err != nil {
		return nil, err
	}
	for f, err := range p.node.Select(ctx, r.Key, q.Select, q.Where...) {
		if err != nil {
			return values, err
		}
		values = append(values, protocol.Value{ID: f.ID, Type: uint16(f.Type), Owner: f.Owner, Seq: f.Seq, UserType: f.UserType})
	}
	return values, nil
}

// listen answers at once, as the other peers do, and then prints events.
func (p *peer) listen(ctx context.Context, r protocol.Request) {
	lookup, err := p.lookup(r.Query)
	if err != nil {
		p.print(protocol.Reply{Tag: r.Tag, Error: err.Error()})
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p.mu.Lock()
	p.listens[r.Tag] = cancel
	p.mu.Unlock()
	p.print(protocol.Reply{Tag: r.Tag})
	for event, err := range p.node.Listen(ctx, r.Key, lookup) {
		if err != nil {
			if ctx.Err() == nil {
				fmt.Fprintln(os.Stderr, err)
			}
			return
		}
		reply := protocol.Reply{Tag: r.Tag, Event: protocol.EventValues, Values: describe(event.Value)}
		if event.Expired {
			reply.Event = protocol.EventExpired
		}
		p.print(reply)
	}
}

func (p *peer) cancelListen(r protocol.Request) error {
	p.mu.Lock()
	cancel := p.listens[r.Listen]
	delete(p.listens, r.Listen)
	p.mu.Unlock()
	if cancel == nil {
		return errors.New("no such listen")
	}
	cancel()
	return nil
}

func (p *peer) lookup(text string) (dht.Lookup, error) {
	q, err := value.ParseQueryText(text)
	return dht.Lookup{Where: q.Where, As: p.identity}, err
}

func (p *peer) ping(ctx context.Context, r protocol.Request) error {
	addr, err := netip.ParseAddr(r.Host)
	if err != nil {
		return err
	}
	port, err := strconv.ParseUint(r.Port, 10, 16)
	if err != nil {
		return err
	}
	return p.node.Ping(ctx, netip.AddrPortFrom(addr, uint16(port)))
}

func (p *peer) stats() protocol.Stats {
	m := p.node.Metrics()
	s := protocol.Stats{
		Node: p.node.ID(), Port: p.node.Port(),
		Connected: m.Status == dht.Connected,
		Stored:    m.Info.Storage.Values,
	}
	if p.identity != nil {
		s.ID = p.identity.ID()
	}
	for _, f := range m.Info.Families {
		if f.IPv6 {
			s.Good6 = f.Nodes.Good
		} else {
			s.Good4 = f.Nodes.Good
		}
	}
	return s
}

func describe(v *value.Value) []protocol.Value {
	return []protocol.Value{{
		ID: v.ID, Type: uint16(v.Type), UserType: v.UserType, Data: v.Data, Seq: v.Seq,
		Owner: v.OwnerID(), To: v.Recipient, Signed: v.Signed(), Encrypted: v.Encrypted(),
	}}
}

// loadIdentity reads a key and its certificate chain from path.key and
// path.crt, in PEM.
func loadIdentity(path string) (*dht.Identity, error) {
	text, err := os.ReadFile(path + ".key")
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s.key: no PEM", path)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	rsaKey, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s.key: not an RSA key", path)
	}
	if text, err = os.ReadFile(path + ".crt"); err != nil {
		return nil, err
	}
	var chain [][]byte
	for {
		var certificate *pem.Block
		if certificate, text = pem.Decode(text); certificate == nil {
			return dht.NewIdentity(rsaKey, chain...)
		}
		chain = append(chain, certificate.Bytes)
	}
}
