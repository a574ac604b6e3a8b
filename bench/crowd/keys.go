package crowd

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"sync"

	"rollcall/identity"
)

// publicExponent is that of all keys.
const publicExponent = 65537

// keyRing makes many RSA keys of real size from few primes: each key is another
// pair of them. Keys that share primes are no secret, and cost in use
// what others cost; a thousand accounts of keys of their own would take an hour.
type keyRing struct {
	mu     sync.Mutex
	primes []*big.Int
	i, j   int // the pair last used, i < j
}

// newKeyRing returns a ring that is good for n keys.
func newKeyRing(n int) (*keyRing, error) {
	const each = 2 // primes of a key
	count := each
	for count*(count-1)/2 < n {
		count += each
	}
	type result struct {
		key *rsa.PrivateKey
		err error
	}
	results := make(chan result)
	for range count / each {
		go func() {
			key, err := rsa.GenerateKey(rand.Reader, identity.KeyBits)
			results <- result{key, err}
		}()
	}
	r := &keyRing{}
	var errs []error
	for range count / each {
		made := <-results
		if made.err != nil {
			errs = append(errs, made.err)
			continue
		}
		r.primes = append(r.primes, made.key.Primes...)
	}
	return r, errors.Join(errs...)
}

// next returns the next pair of primes.
func (r *keyRing) next() (p, q *big.Int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.i++; r.i >= r.j {
		r.i, r.j = 0, r.j+1
	}
	return r.primes[r.i], r.primes[r.j]
}

// key returns the next key. It may be called for as many as the ring was made for.
func (r *keyRing) key() (*rsa.PrivateKey, error) {
	p, q := r.next()
	one := big.NewInt(1)
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	key := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: publicExponent},
		D:         new(big.Int).ModInverse(big.NewInt(publicExponent), phi),
		Primes:    []*big.Int{p, q},
	}
	key.Precompute()
	return key, key.Validate()
}

// encodeKey returns a key as archives and files have it.
func encodeKey(key *rsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
