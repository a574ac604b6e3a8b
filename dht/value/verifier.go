package value

import (
	"crypto/sha256"
	"sync"
)

// Sizes of the caches of a Verifier; full, they take about 3 MB.
const (
	defaultVerified = 16384 // signatures
	keyCacheSize    = 512   // owners
)

// Verifier checks signatures and remembers those that were valid, together with
// the parsed keys of recent owners: to see a signed value again costs a hash. It
// is bounded, and remembers nothing about invalid signatures. It may be used by
// several goroutines at once.
type Verifier struct {
	limit int // signatures to remember

	mu       sync.Mutex
	verified recent[[sha256.Size]byte, struct{}]
	keys     recent[[sha256.Size]byte, *publicKey]
}

// NewVerifier returns a Verifier that remembers the given number of signatures,
// or 16384 where that is not positive; each takes about 100 bytes.
func NewVerifier(signatures int) *Verifier {
	if signatures <= 0 {
		signatures = defaultVerified
	}
	return &Verifier{limit: signatures}
}

// Verify is [Verify] with a memory.
func (c *Verifier) Verify(v *Value) error {
	if !v.Signed() {
		return ErrNotSigned
	}
	scratch := bodies.Get().(*[]byte)
	defer bodies.Put(scratch)
	body := v.AppendBody((*scratch)[:0])
	*scratch = body

	id := signatureID(body, v.Signature)
	if c.known(id) {
		return nil
	}
	key, err := c.key(v.Owner)
	if err != nil {
		return err
	}
	if err := key.verify(body, v.Signature); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.verified.put(id, struct{}{}, c.limit)
	return nil
}

// Known reports whether the signature of v has been found valid before and is
// remembered. It costs microseconds, where Verify may cost a hundred.
func (c *Verifier) Known(v *Value) bool {
	if !v.Signed() {
		return false
	}
	scratch := bodies.Get().(*[]byte)
	defer bodies.Put(scratch)
	*scratch = v.AppendBody((*scratch)[:0])
	return c.known(signatureID(*scratch, v.Signature))
}

// bodies holds buffers for the bytes that signatures cover.
var bodies = sync.Pool{New: func() any { return new([]byte) }}

// signatureID names a body, with the owner in it, and a signature. A body tells
// where it ends, so the two cannot be divided in another way.
func signatureID(body, signature []byte) (id [sha256.Size]byte) {
	h := sha256.New()
	h.Write(body)
	h.Write(signature)
	h.Sum(id[:0])
	return id
}

func (c *Verifier) known(id [sha256.Size]byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.verified.get(id)
	return ok
}

// key returns the parsed public key of an owner.
func (c *Verifier) key(owner []byte) (*publicKey, error) {
	id := sha256.Sum256(owner)
	c.mu.Lock()
	key, ok := c.keys.get(id)
	c.mu.Unlock()
	if ok {
		return key, nil
	}
	pub, err := ParsePublicKey(owner)
	if err != nil {
		return nil, err
	}
	key = newPublicKey(pub)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keys.put(id, key, keyCacheSize)
	return key, nil
}
