package dht

import (
	"context"
	"iter"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/internal/engine"
	"rollcall/dht/value"
)

// Lookup says what to look for under a key. The zero Lookup asks for every
// value that can be read by anybody.
type Lookup struct {
	// Where holds conditions that a value must meet, all of them. They are checked
	// by the storing nodes, and for encrypted values again after decryption.
	Where []value.Condition
	// As decrypts what is encrypted to it. Nil passes encrypted values over.
	As *Identity
}

// Get looks up the values under key. Each value is yielded once, as soon as a
// node has answered with it, verified and decrypted: what has a bad signature or
// is not for the reader is left out. The sequence ends when the nodes closest to
// the key have answered, or with an error.
func (n *Node) Get(ctx context.Context, key infohash.Hash, l Lookup) iter.Seq2[*value.Value, error] {
	return func(yield func(*value.Value, error) bool) {
		reader := n.reader(l)
		id, w, err := n.begin(func(now time.Time) engine.OpID { return n.engine.Get(now, key, reader.query()) })
		if err != nil {
			yield(nil, err)
			return
		}
		defer n.stop(id)
		err = w.each(ctx, func(x engine.Effect) (more bool, err error) {
			if x.Kind == engine.Done {
				return false, x.Err
			}
			if v := reader.open(x.Value); v != nil {
				return yield(v, nil), nil
			}
			return true, nil
		})
		if err != nil {
			yield(nil, err)
		}
	}
}

// Select asks for single fields of the values under key instead of the values.
// A value that several nodes hold is yielded as often. Nothing is verified.
func (n *Node) Select(ctx context.Context, key infohash.Hash, fields []value.Field, where ...value.Condition) iter.Seq2[value.FieldIndex, error] {
	return func(yield func(value.FieldIndex, error) bool) {
		query := value.Query{Select: fields, Where: where}
		id, w, err := n.begin(func(now time.Time) engine.OpID { return n.engine.Get(now, key, query) })
		if err != nil {
			yield(value.FieldIndex{}, err)
			return
		}
		defer n.stop(id)
		err = w.each(ctx, func(x engine.Effect) (more bool, err error) {
			if x.Kind == engine.Done {
				return false, x.Err
			}
			for _, f := range x.Fields {
				if !yield(f, nil) {
					return false, nil
				}
			}
			return true, nil
		})
		if err != nil {
			yield(value.FieldIndex{}, err)
		}
	}
}

// reader verifies and decrypts the values of one operation.
type reader struct {
	node  *Node
	where value.Query
	as    *Identity
	self  infohash.Hash
}

func (n *Node) reader(l Lookup) reader {
	r := reader{node: n, where: value.Query{Where: l.Where}, as: l.As}
	if l.As != nil {
		r.self = l.As.ID()
	}
	return r
}

// query is what storing nodes are asked: an encrypted value hides what most
// conditions are about, so a reader who decrypts asks for everything.
func (r *reader) query() value.Query {
	if r.as != nil {
		return value.Query{}
	}
	return r.where
}

// open returns the value as its reader may see it, nil when it may not.
func (r *reader) open(v *value.Value) *value.Value {
	switch {
	case v.Encrypted():
		if r.as == nil {
			return nil
		}
		plain, err := value.Decrypt(v, r.as.Key, r.self)
		if err != nil {
			r.node.log.Debug("value dropped", "id", v.ID, "err", err)
			return nil
		}
		v = plain
	case v.Signed():
		if err := r.node.verifier.Verify(v); err != nil {
			r.node.log.Debug("value dropped", "id", v.ID, "err", err)
			return nil
		}
	}
	if !r.where.Match(v) {
		return nil
	}
	return v
}
