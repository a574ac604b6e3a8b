package dht

import (
	"context"
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"
	"iter"

	"rollcall/dht/infohash"
	"rollcall/dht/value"
)

// PrivateKey is an RSA key that signs and decrypts; *rsa.PrivateKey is one. The
// key itself may be kept elsewhere.
type PrivateKey interface {
	crypto.Signer
	crypto.Decrypter
}

// Identity is who signs or decrypts values. Identities belong to the caller:
// one node serves any number of them.
type Identity struct {
	Key PrivateKey
	// Chain is the certificate chain of the key as DER, the leaf first, each
	// followed by its issuer. It may be empty; then the identity cannot be
	// published.
	Chain [][]byte
}

// NewIdentity checks key and chain.
func NewIdentity(key PrivateKey, chain ...[]byte) (*Identity, error) {
	id := &Identity{Key: key, Chain: chain}
	if _, err := id.spki(); err != nil {
		return nil, err
	}
	return id, nil
}

// spki returns the DER SubjectPublicKeyInfo of the identity's key.
func (id *Identity) spki() ([]byte, error) {
	if id == nil || id.Key == nil {
		return nil, errors.New("dht: the identity has no key")
	}
	pub, ok := id.Key.Public().(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("dht: bad identity: %w", value.ErrNotRSA)
	}
	return value.MarshalPublicKey(pub)
}

// ID returns the key id: what others encrypt to. It is zero without a usable key.
func (id *Identity) ID() infohash.Hash {
	spki, err := id.spki()
	if err != nil {
		return infohash.Hash{}
	}
	return value.KeyID(spki)
}

// LongID returns the 32-byte id of the key; zero without a usable key.
func (id *Identity) LongID() value.LongID {
	spki, err := id.spki()
	if err != nil {
		return value.LongID{}
	}
	return value.KeyLongID(spki)
}

// Publish keeps the certificate chain of id on the network, at both keys at
// which nodes look for it (opendht spec 8.4), until the context ends or Stop is
// called. It returns once both are stored, or an error when neither is.
func (n *Node) Publish(ctx context.Context, id *Identity) (*Publication, error) {
	spki, err := id.spki()
	if err != nil {
		return nil, err
	}
	if len(id.Chain) == 0 {
		return nil, errors.New("dht: the identity has no certificate to publish")
	}
	v := &value.Value{ID: value.CertificateID, Type: value.TypeCertificate, Data: value.AppendChain(nil, id.Chain)}
	short, long := value.CertificateKeys(spki)
	p := &Publication{}
	var errs []error
	for _, key := range []infohash.Hash{short, long} {
		k, err := n.Keep(ctx, key, v)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		p.keeps = append(p.keeps, k)
	}
	for _, k := range p.keeps {
		if _, err := k.Wait(ctx); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) == 2 {
		p.Stop()
		return nil, errors.Join(errs...)
	}
	return p, nil
}

// Publication is a certificate kept on the network.
type Publication struct{ keeps []*Keep }

// Stop ends it. Storing nodes keep the certificate for its remaining life.
func (p *Publication) Stop() {
	for _, k := range p.keeps {
		k.Stop()
	}
}

// FindCertificate looks up the certificate of a key: the first one that
// Certificates yields.
func (n *Node) FindCertificate(ctx context.Context, id infohash.Hash, long value.LongID) ([]value.Certificate, error) {
	for chain, err := range n.Certificates(ctx, id, long) {
		return chain, err
	}
	return nil, ctx.Err()
}

// Certificates looks up the certificates of a key by its key id; long, if not
// zero, lets them be found where newer nodes put them, too. Anybody can put one for
// a key that is not theirs: the key of each has the id, the chain behind it is not
// checked, and whoever believes chains goes on until one is good. When nobody has
// any, the sequence is one error, which wraps ErrNotFound if the network was asked.
func (n *Node) Certificates(ctx context.Context, id infohash.Hash, long value.LongID) iter.Seq2[[]value.Certificate, error] {
	return func(yield func([]value.Certificate, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		keys := []infohash.Hash{id}
		if long != (value.LongID{}) {
			keys = append(keys, infohash.Sum(long[:]))
		}
		chains, ends := make(chan []value.Certificate), make(chan error, len(keys))
		for _, key := range keys {
			go func() { ends <- n.certificatesAt(ctx, key, id, chains) }()
		}
		found := false
		var errs []error
		for len(errs) < len(keys) {
			select {
			case chain := <-chains:
				found = true
				if !yield(chain, nil) {
					return
				}
			case err := <-ends:
				errs = append(errs, err)
			}
		}
		if !found {
			yield(nil, fmt.Errorf("certificate of %v: %w", id, errors.Join(errs...)))
		}
	}
}

// certificatesAt sends the certificates at key whose key has the id, and returns
// why there are no more.
func (n *Node) certificatesAt(ctx context.Context, key, id infohash.Hash, chains chan<- []value.Certificate) error {
	lookup := Lookup{Where: []value.Condition{value.WhereType(value.TypeCertificate)}}
	for v, err := range n.Get(ctx, key, lookup) {
		if err != nil {
			return err
		}
		chain, err := value.ParseChain(v.Data)
		if err != nil || chain[0].KeyID() != id {
			continue
		}
		select {
		case chains <- chain:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return ErrNotFound
}
