package peer

import (
	"context"
	"fmt"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/ice/signaling"
)

// attempt is one to connect to a device that is wanted.
type attempt struct {
	peers   *Peers
	request uint64
	device  Device
	answer  chan signaling.Description // has room for the one that is taken
	ctx     context.Context
	cancel  context.CancelCauseFunc
}

func newAttempt(p *Peers, request uint64, d Device) *attempt {
	a := &attempt{peers: p, request: request, device: d, answer: make(chan signaling.Description, 1)}
	a.ctx, a.cancel = context.WithCancelCause(p.ctx)
	return a
}

func (a *attempt) run() {
	p := a.peers
	err := a.connect()
	a.cancel(nil)
	p.mu.Lock()
	delete(p.attempts, a.request)
	p.mu.Unlock()
	if err == nil {
		return
	}
	p.failed("not connected", a.device.Key, err)
	p.input(func(now time.Time) { p.plan.Failed(now, a.request) })
}

// connect asks, waits for the answer, and connects (peer spec 1.3).
func (a *attempt) connect() (err error) {
	p, began := a.peers, time.Now()
	g, err := p.gather(a.ctx, false)
	if err != nil {
		return err
	}
	defer func() { g.end(err) }()
	sent := make(chan error, 1)
	asked := signaling.Request{ID: a.request, Description: g.description()}
	if !p.goWhileOpen(func() { sent <- p.send(a.ctx, a.device.Key, asked, shortForm, longForm) }) {
		return ErrClosed
	}
	for {
		select {
		case d := <-a.answer:
			want := expected{value.KeyLongID(a.device.Key), a.device.Account}
			return g.connect(a.ctx, d, want, began, a.request)
		case err := <-sent:
			if err != nil {
				return fmt.Errorf("%w: %w", errUnanswered, err)
			}
			sent = nil
		case <-a.ctx.Done():
			return context.Cause(a.ctx)
		}
	}
}

// answer is one to a request of another device.
type answer struct {
	peers *Peers
	id    uint64
	form  int    // of the key at which it was
	key   []byte // of the device that asks, DER SubjectPublicKeyInfo
	peer  signaling.Description
}

func newAnswer(p *Peers, id uint64, form int, key []byte, d signaling.Description) *answer {
	return &answer{p, id, form, key, d}
}

func (a *answer) run() {
	p := a.peers
	if err := a.connect(); err != nil {
		p.failed("request not answered", a.key, err)
	}
	p.input(func(now time.Time) { p.plan.AnswerDone(now, value.KeyLongID(a.key)) })
}

// connect finds out who asks, answers, and connects (peer spec 1.4).
func (a *answer) connect() (err error) {
	p, began := a.peers, time.Now()
	device := value.KeyLongID(a.key)
	account, err := p.findAccount(a.key)
	if err != nil {
		return fmt.Errorf("%w: %w", errUnproven, err)
	}
	if p.cfg.Standing(account, device) == Unwelcome {
		return errUnwelcome
	}
	if p.cfg.Treat != nil {
		first, err := p.cfg.Treat(device, a.id)
		if err != nil {
			// The request may come again after a restart, which does little harm.
			p.log.Warn("treated request not stored", "err", err)
		} else if !first {
			return errTreated
		}
	}
	g, err := p.gather(p.ctx, true)
	if err != nil {
		return err
	}
	defer func() { g.end(err) }()
	p.count(func(s *Stats) *uint64 { return &s.Answered })
	reply := signaling.Request{ID: a.id, Description: g.description(), Answer: true}
	if !p.goWhileOpen(func() {
		if err := p.send(p.ctx, a.key, reply, a.form); err != nil {
			p.log.Debug("answer not put", "device", device, "err", err)
		}
	}) {
		return ErrClosed
	}
	return g.connect(p.ctx, a.peer, expected{device, account}, began, 0)
}

// findAccount returns the account that a device belongs to by its certificates.
func (p *Peers) findAccount(key []byte) (infohash.Hash, error) {
	ctx, cancel := context.WithTimeout(p.ctx, findTimeout)
	defer cancel()
	return p.cfg.FindAccount(ctx, value.KeyID(key), value.KeyLongID(key))
}
