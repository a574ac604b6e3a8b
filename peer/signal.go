package peer

import (
	"context"
	"errors"
	"time"

	"rollcall/dht"
	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/ice/signaling"
	"rollcall/peer/internal/plan"
)

// listen takes what is put at one of our keys, until stop is called.
func (p *Peers) listen(form int, key infohash.Hash) (stop func()) {
	lookup := dht.Lookup{As: p.cfg.Identity, Where: []value.Condition{value.WhereUserType(userType)}}
	listener := p.cfg.Node.ListenFunc(key, lookup, func(event dht.Event, err error) {
		switch {
		case err != nil:
			p.log.Debug("listen for requests", "err", err)
		case !event.Expired:
			p.received(form, event.Value)
		}
	})
	return listener.Stop
}

// received takes a request or an answer. Its signature is good where it was
// encrypted for us; what was not is dropped.
func (p *Peers) received(form int, v *value.Value) {
	if v.Recipient != p.cfg.Device.ID() || len(v.Owner) == 0 {
		p.count(func(s *Stats) *uint64 { return &s.Malformed })
		return
	}
	r, err := signaling.ParseRequest(v.Data)
	var d signaling.Description
	if err == nil {
		d, err = signaling.ParseDescription(r.Description)
	}
	if err != nil || r.ID == 0 {
		p.log.Debug("request dropped", "from", v.OwnerID(), "err", err)
		p.count(func(s *Stats) *uint64 { return &s.Malformed })
		return
	}
	from := value.KeyLongID(v.Owner)
	p.input(func(now time.Time) {
		if r.Answer {
			if a := p.attempts[r.ID]; a != nil && p.plan.Answered(from, r.ID) {
				a.answer <- d // has room: it is one
			}
			return
		}
		switch verdict := p.plan.Asked(now, from, r.ID); verdict {
		case plan.Answer:
			a := newAnswer(p, r.ID, form, v.Owner, d)
			p.wg.Go(a.run)
		case plan.Repeated:
			p.stats.Repeated++
		case plan.Crowded:
			p.stats.Crowded++
		}
	})
}

// send puts a request or an answer for the device with this key, at its keys of
// the given forms. It returns once one of them has it, or with the reason why
// none does.
func (p *Peers) send(ctx context.Context, spki []byte, r signaling.Request, forms ...int) error {
	v, err := dht.Seal(p.cfg.Identity, spki, &value.Value{Data: r.Append(nil), UserType: userType})
	if err != nil {
		return err
	}
	keys := requestKeys(value.KeyID(spki), value.KeyLongID(spki))
	results := make(chan error, len(forms))
	for _, form := range forms {
		p.goWhileOpen(func() {
			ctx, cancel := context.WithTimeout(ctx, putTimeout)
			defer cancel()
			_, err := p.cfg.Node.Put(ctx, keys[form], v)
			results <- err
		})
	}
	var errs []error
	for range forms {
		select {
		case err := <-results:
			if err == nil {
				return nil
			}
			errs = append(errs, err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return errors.Join(errs...)
}
