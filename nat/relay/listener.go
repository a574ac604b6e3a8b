package relay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/pion/stun/v4"
)

// Listener takes the connections of peers at the server. It is a [net.Listener],
// safe for concurrent use. The connections that it gave end with it.
type Listener struct {
	server    Server
	control   net.Conn
	addr      *net.TCPAddr // at the server
	reflexive netip.Addr
	lifetime  time.Duration // of the allocation; written by allocate, then by refresh

	ctx    context.Context // ends with Close, or with the connection to the server
	cancel context.CancelCauseFunc
	tasks  sync.WaitGroup
	conns  chan net.Conn
	binds  chan struct{} // a place for each connection that is being opened
	write  sync.Mutex    // held while a message is written to control

	mu        sync.Mutex // protects all below
	realm     stun.Realm
	nonce     stun.Nonce
	integrity stun.MessageIntegrity // nil before the server has named its realm
	waiting   map[[stun.TransactionIDSize]byte]chan *stun.Message
	permitted []netip.Addr
}

func newListener(s Server, control net.Conn) *Listener {
	l := &Listener{
		server: s, control: control,
		conns:   make(chan net.Conn),
		binds:   make(chan struct{}, maxBinds),
		waiting: make(map[[stun.TransactionIDSize]byte]chan *stun.Message),
	}
	l.ctx, l.cancel = context.WithCancelCause(context.Background())
	l.tasks.Go(l.read)
	return l
}

// Addr returns the address at the server to which peers connect.
func (l *Listener) Addr() net.Addr { return l.addr }

// Reflexive returns the address as which the server sees us, if it says so.
func (l *Listener) Reflexive() netip.Addr { return l.reflexive }

// Permit lets peers connect that the server sees at these addresses. It does not
// wait for the server.
func (l *Listener) Permit(addrs ...netip.Addr) {
	for _, addr := range addrs {
		addr = addr.Unmap().WithZone("")
		if !validPeer(addr) || addr.Is4() != (l.addr.IP.To4() != nil) || !l.permit(addr) {
			continue
		}
		// One request each: a server refuses one altogether for an address in it
		// that it does not like.
		l.goWhileOpen(func() {
			ctx, cancel := context.WithTimeout(l.ctx, askTimeout)
			defer cancel()
			_, _ = l.ask(ctx, stun.MethodCreatePermission, peerAddress(addr)) // one way less
		})
	}
}

// permit notes an address, and reports whether to ask for it.
func (l *Listener) permit(addr netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.permitted) == maxPermits || slices.Contains(l.permitted, addr) {
		return false
	}
	l.permitted = append(l.permitted, addr)
	return true
}

type peerAddress netip.Addr

// AddTo implements [stun.Setter].
func (a peerAddress) AddTo(m *stun.Message) error {
	return stun.XORMappedAddress{IP: netip.Addr(a).AsSlice()}.AddToAs(m, stun.AttrXORPeerAddress)
}

// Accept returns the next connection of a peer. After the end of the listener it
// returns an error that satisfies errors.Is(err, net.ErrClosed).
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.ctx.Done():
		return nil, context.Cause(l.ctx)
	}
}

// Close gives the address back and waits until nothing is left of the listener.
func (l *Listener) Close() error {
	if l.ctx.Err() == nil && l.addr != nil {
		// The server does so by itself when it sees the connection end.
		_, _ = l.send(nil, closeTimeout, stun.MethodRefresh, stun.RawAttribute{Type: stun.AttrLifetime, Value: make([]byte, 4)})
	}
	l.fail(net.ErrClosed)
	l.tasks.Wait()
	return nil
}

// fail ends everything.
func (l *Listener) fail(err error) {
	if !errors.Is(err, net.ErrClosed) {
		err = fmt.Errorf("relay %s: %w: %w", l.server.Addr, err, net.ErrClosed)
	}
	l.mu.Lock()
	l.cancel(err)
	l.mu.Unlock()
	l.control.Close()
}

// goWhileOpen runs f on a goroutine that Close waits for, unless it is too late.
func (l *Listener) goWhileOpen(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx.Err() == nil {
		l.tasks.Go(f)
	}
}

// ask makes a request and returns the answer. It proves who we are as soon as the
// server wants that, and again when the proof has become old.
func (l *Listener) ask(ctx context.Context, method stun.Method, attrs ...stun.Setter) (*stun.Message, error) {
	for proofs := 0; ; proofs++ {
		answer, err := l.exchange(ctx, method, attrs...)
		if err != nil {
			return nil, err
		}
		if answer.Type.Class == stun.ClassSuccessResponse {
			return answer, nil
		}
		var code stun.ErrorCodeAttribute
		_ = code.GetFrom(answer) // none is code 0
		switch {
		case code.Code == stun.CodeUnauthorized && proofs == 0 && method == stun.MethodAllocate,
			code.Code == stun.CodeStaleNonce && proofs < 2:
			if err := l.prove(answer); err != nil {
				return nil, err
			}
		default:
			return nil, fmt.Errorf("%w: %d %.100q", ErrRefused, code.Code, code.Reason)
		}
	}
}

// prove takes from an answer by what to prove who we are (RFC 5389 10.2).
func (l *Listener) prove(answer *stun.Message) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.nonce.GetFrom(answer); err != nil {
		return fmt.Errorf("%w: no nonce", ErrProtocol)
	}
	if err := l.realm.GetFrom(answer); err != nil && l.realm == nil {
		return fmt.Errorf("%w: no realm", ErrProtocol)
	}
	if want := l.server.Realm; want != "" && want != l.realm.String() {
		return fmt.Errorf("%w: its realm is %.100q, not %q", ErrRefused, l.realm.String(), want)
	}
	l.integrity = stun.NewLongTermIntegrity(l.server.Username, l.realm.String(), l.server.Password)
	return nil
}

// exchange sends a request and waits for its answer.
func (l *Listener) exchange(ctx context.Context, method stun.Method, attrs ...stun.Setter) (*stun.Message, error) {
	answer := make(chan *stun.Message, 1)
	id, err := l.send(answer, askTimeout, method, attrs...)
	defer l.forget(id)
	if err != nil {
		return nil, err
	}
	select {
	case m := <-answer:
		return m, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-l.ctx.Done():
		return nil, context.Cause(l.ctx)
	}
}

// build makes a request, with the proof of who we are once there is one.
func (l *Listener) build(method stun.Method, attrs ...stun.Setter) (*stun.Message, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	setters := append([]stun.Setter{stun.TransactionID, stun.NewType(method, stun.ClassRequest)}, attrs...)
	if l.integrity != nil {
		setters = append(setters, stun.NewUsername(l.server.Username), l.realm, l.nonce, l.integrity)
	}
	return stun.Build(append(setters, stun.Fingerprint)...)
}

// send writes a request on the connection to the server. Its answer goes to answer,
// which has room for it, until the request is forgotten.
func (l *Listener) send(answer chan *stun.Message, limit time.Duration, method stun.Method, attrs ...stun.Setter) (id [stun.TransactionIDSize]byte, err error) {
	m, err := l.build(method, attrs...)
	if err != nil {
		return id, err
	}
	l.mu.Lock()
	l.waiting[m.TransactionID] = answer
	l.mu.Unlock()
	l.write.Lock()
	defer l.write.Unlock()
	_ = l.control.SetWriteDeadline(time.Now().Add(limit))
	_, err = l.control.Write(m.Raw)
	return m.TransactionID, err
}

func (l *Listener) forget(id [stun.TransactionIDSize]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.waiting, id)
}

// read takes what the server sends, to the end.
func (l *Listener) read() {
	for {
		m, err := readMessage(l.control)
		if err != nil {
			l.fail(err)
			return
		}
		switch {
		case m.Type == stun.NewType(stun.MethodConnectionAttempt, stun.ClassIndication):
			l.attempted(m)
		case l.genuine(m):
			l.answered(m)
		}
	}
}

// answered passes an answer on to the one who waits for it.
func (l *Listener) answered(m *stun.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.waiting[m.TransactionID] <- m:
	default: // a second one, or nobody waits
	}
}

// genuine reports whether an answer may be believed: a success proves that the
// server knows the password, if it asked for that.
func (l *Listener) genuine(m *stun.Message) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch m.Type.Class {
	case stun.ClassErrorResponse:
		return true
	case stun.ClassSuccessResponse:
		return l.integrity == nil || l.integrity.Check(m) == nil
	}
	return false
}
