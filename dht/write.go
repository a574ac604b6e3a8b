package dht

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/internal/engine"
	"rollcall/dht/value"
)

// Put stores v under key and returns the number of nodes that acknowledged it.
// It is kept for the life of its type. An ID of zero draws a random one into v.
// The value must not be changed while Put runs.
func (n *Node) Put(ctx context.Context, key infohash.Hash, v *value.Value) (stored int, err error) {
	return n.PutSince(ctx, key, v, time.Time{})
}

// PutSince is Put of a value whose life has begun at created: it ends so much
// earlier. The network counts in whole seconds. Unless created is zero, this node
// keeps no copy: others see the end of the value even when this node vanishes
// without a word, and with it all that only it could have told.
func (n *Node) PutSince(ctx context.Context, key infohash.Hash, v *value.Value, created time.Time) (stored int, err error) {
	k, err := n.put(engine.Put{Key: key, Value: v, Created: created, Elsewhere: !created.IsZero()})
	if err != nil {
		return 0, err
	}
	defer k.Stop()
	return k.Wait(ctx)
}

// Keep stores v under key and keeps it there, on whichever nodes are closest,
// until Stop is called or ctx ends. An ID of zero draws a random one into v.
func (n *Node) Keep(ctx context.Context, key infohash.Hash, v *value.Value) (*Keep, error) {
	k, err := n.put(engine.Put{Key: key, Value: v, Permanent: true})
	if err != nil {
		return nil, err
	}
	k.release = context.AfterFunc(ctx, func() { n.stop(k.id) }) // not k.Stop, which reads release
	return k, nil
}

// Keep is a value kept on the network.
type Keep struct {
	node    *Node
	id      engine.OpID
	waiter  *waiter
	release func() bool
}

// Wait returns when the value is first stored, with the number of nodes that
// acknowledged it, or with the reason why none did.
func (k *Keep) Wait(ctx context.Context) (stored int, err error) {
	err = k.waiter.each(ctx, func(x engine.Effect) (more bool, err error) {
		stored = x.Stored
		return false, x.Err
	})
	return stored, err
}

// Stop ends the keeping. Storing nodes have the value for its remaining life.
func (k *Keep) Stop() {
	if k.release != nil {
		k.release()
	}
	k.node.stop(k.id)
}

func (n *Node) put(p engine.Put) (*Keep, error) {
	v := p.Value
	if v.ID == 0 {
		v.ID = randomID()
	}
	if size := v.Size(); size > value.MaxDataSize {
		return nil, fmt.Errorf("%w, got %d", ErrTooLarge, size)
	}
	id, w, err := n.begin(func(now time.Time) engine.OpID { return n.engine.Put(now, p) })
	if err != nil {
		return nil, err
	}
	return &Keep{node: n, id: id, waiter: w}, nil
}

// Sign signs v for key with id: Seq is raised above every edition of v.ID that
// id has signed there before, so that v replaces them. A zero ID draws one.
func (n *Node) Sign(ctx context.Context, id *Identity, key infohash.Hash, v *value.Value) error {
	spki, err := id.spki()
	if err != nil {
		return err
	}
	if v.ID == 0 {
		v.ID = randomID()
	} else {
		where := []value.Condition{value.WhereID(v.ID), value.WhereOwner(value.KeyID(spki))}
		for old, err := range n.Get(ctx, key, Lookup{Where: where}) {
			switch {
			case errors.Is(err, ErrNoNodes):
				// Nobody is there to hold an older edition.
			case err != nil:
				return fmt.Errorf("look for older editions: %w", err)
			case old.Seq >= v.Seq:
				v.Seq = old.Seq + 1
			}
		}
	}
	return value.Sign(v, id.Key)
}

// PutSigned signs v with id, as Sign does, and stores it under key.
func (n *Node) PutSigned(ctx context.Context, id *Identity, key infohash.Hash, v *value.Value) (stored int, err error) {
	if err := n.Sign(ctx, id, key, v); err != nil {
		return 0, err
	}
	return n.Put(ctx, key, v)
}

// PutEncrypted signs v with id, encrypts it to the key with the given id, whose
// certificate it looks up, and stores it under key.
func (n *Node) PutEncrypted(ctx context.Context, id *Identity, to, key infohash.Hash, v *value.Value) (stored int, err error) {
	chain, err := n.FindCertificate(ctx, to, value.LongID{})
	if err != nil {
		return 0, err
	}
	sealed, err := Seal(id, chain[0].SPKI, v)
	if err != nil {
		return 0, err
	}
	return n.Put(ctx, key, sealed)
}

// Seal signs v with id and encrypts it to the public key spki (a DER
// SubjectPublicKeyInfo). A zero ID draws one into v.
func Seal(id *Identity, spki []byte, v *value.Value) (*value.Value, error) {
	if _, err := id.spki(); err != nil {
		return nil, err
	}
	pub, err := value.ParsePublicKey(spki)
	if err != nil {
		return nil, err
	}
	if v.ID == 0 {
		v.ID = randomID()
	}
	return value.Seal(v, id.Key, pub, rand.Reader)
}
