package daemon

import (
	"context"
	"time"

	"rollcall/account"
	"rollcall/contact"
	"rollcall/dht/infohash"
	"rollcall/presence"
)

// Request is a trust request that waits for the user.
type Request struct {
	// ID is what clients know it by: its conversation id, or where it has none
	// one that is made of account and sender, 40 hexadecimal digits (dbus spec 5.3).
	ID             string
	From           infohash.Hash
	ConversationID string // as received
	Payload        []byte // a vCard or empty; shared, not to be changed
	Title          string // the name in the vCard, "" without one
	Received       time.Time
	Invited        time.Time // by the sender's clock, zero when not said
	Quiet          bool      // it does not ask for attention
	Seen           bool
}

// Outgoing is a request or confirm of ours that is not delivered yet.
type Outgoing struct {
	Peer    infohash.Hash
	Kind    contact.Kind
	State   contact.State
	Sent    time.Time
	Devices int // known devices of the recipient
	Payload []byte
}

// begin is ready for an operation that waits.
func (d *Daemon) begin(ctx context.Context, id AccountID) (*hosted, *account.Account, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	return d.ready(id)
}

// Requests returns the pending trust requests, the longest waiting first.
func (d *Daemon) Requests(id AccountID) ([]Request, error) {
	h, a, err := d.ready(id)
	if err != nil {
		return nil, err
	}
	var requests []Request
	a.Read(func(l *contact.List, _ *presence.Tracker) {
		for _, r := range l.Requests() {
			requests = append(requests, h.request(&r))
		}
	})
	return requests, nil
}

// request returns a pending request as clients see it.
func (h *hosted) request(r *contact.Request) Request {
	return Request{
		ID: h.requestID(r), From: r.From, ConversationID: r.ConversationID,
		Payload: r.Payload, Title: displayName(r.Payload),
		Received: moment(r.Received), Invited: moment(r.Invited), Quiet: r.Quiet, Seen: r.Seen,
	}
}

func (h *hosted) requestID(r *contact.Request) string {
	if r.ConversationID != "" {
		return r.ConversationID
	}
	return infohash.SumString("request:" + string(h.id) + ":" + r.From.String()).String()
}

// RequestByID returns the pending request that clients know by an id. The error
// is [ErrNoRequest] when there is none.
func (d *Daemon) RequestByID(id AccountID, request string) (Request, error) {
	requests, err := d.Requests(id)
	if err != nil {
		return Request{}, err
	}
	for _, r := range requests {
		if r.ID == request {
			return r, nil
		}
	}
	return Request{}, ErrNoRequest
}

// SendRequest asks peer to be a contact, with a vCard or an empty payload, and
// makes it one here. It is delivered to each of the peer's devices, whenever they
// appear, until it is confirmed. A pending request of the peer is accepted.
func (d *Daemon) SendRequest(ctx context.Context, id AccountID, peer infohash.Hash, payload []byte) error {
	_, a, err := d.begin(ctx, id)
	if err != nil {
		return err
	}
	return translate(a.SendRequest(peer, payload))
}

// CancelRequest stops our request to peer, who stays a contact. The error is
// [ErrNoRequest] when there is none.
func (d *Daemon) CancelRequest(ctx context.Context, id AccountID, peer infohash.Hash) error {
	_, a, err := d.begin(ctx, id)
	if err != nil {
		return err
	}
	found, err := a.CancelRequest(peer)
	return missing(found, err)
}

// AcceptRequest accepts the pending request of an account, and confirms it.
// Without a request the account becomes a confirmed contact, as clients expect.
func (d *Daemon) AcceptRequest(ctx context.Context, id AccountID, from infohash.Hash) (changed bool, err error) {
	_, a, err := d.begin(ctx, id)
	if err != nil {
		return false, err
	}
	changed, err = a.AcceptRequest(from)
	return changed, translate(err)
}

// DiscardRequest drops a pending request. The error is [ErrNoRequest] when there
// is none.
func (d *Daemon) DiscardRequest(ctx context.Context, id AccountID, from infohash.Hash) error {
	_, a, err := d.begin(ctx, id)
	if err != nil {
		return err
	}
	found, err := a.DiscardRequest(from)
	return missing(found, err)
}

func missing(found bool, err error) error {
	if err == nil && !found {
		return ErrNoRequest
	}
	return translate(err)
}

// SeeRequests notes that the user has looked at the requests of these accounts.
func (d *Daemon) SeeRequests(ctx context.Context, id AccountID, from ...infohash.Hash) error {
	_, a, err := d.begin(ctx, id)
	if err != nil {
		return err
	}
	return translate(a.SeeRequests(from...))
}

// Outgoing returns our requests and confirms that are not delivered yet.
func (d *Daemon) Outgoing(id AccountID) ([]Outgoing, error) {
	_, a, err := d.ready(id)
	if err != nil {
		return nil, err
	}
	var outgoing []Outgoing
	a.Read(func(l *contact.List, _ *presence.Tracker) {
		for _, o := range l.Outgoing() {
			outgoing = append(outgoing, Outgoing{o.Peer, o.Kind, o.State, moment(o.Sent), len(o.Deliveries), o.Payload})
		}
	})
	return outgoing, nil
}

// Policy returns which requests ask for attention.
func (d *Daemon) Policy(id AccountID) (contact.Policy, error) {
	_, a, err := d.ready(id)
	if err != nil {
		return contact.Policy{}, err
	}
	var p contact.Policy
	a.Read(func(l *contact.List, _ *presence.Tracker) { p = l.Policy() })
	return p, nil
}

// SetPolicy changes it for requests that arrive from now on.
func (d *Daemon) SetPolicy(ctx context.Context, id AccountID, p contact.Policy) error {
	_, a, err := d.begin(ctx, id)
	if err != nil {
		return err
	}
	return translate(a.SetPolicy(p))
}
