package identity

import (
	"context"
	"crypto/rsa"
	"fmt"
	"io"
	"math/big"
	"runtime"
	"sync"

	"rollcall/dht/value"
	"rollcall/identity/internal/prime"
)

// GenerateKey makes a key of the given size, an even number of bits; an account
// wants KeyBits, which takes over half a second of one core. All its secrets are
// read from rand, one at a time. It returns soon after the end of ctx, with its error.
func GenerateKey(ctx context.Context, rand io.Reader, bits int) (*Key, error) {
	keys, err := generateKeys(ctx, rand, bits, 1, func(int) {})
	if err != nil {
		return nil, err
	}
	return keys[0], nil
}

// generateKeys makes n keys and calls made with their number after each. How long
// a search has taken says nothing about how long it will: so all cores search until
// there are primes enough, and none idles before. It waits for what they are at when
// it returns: an exponentiation, or the nine that make sure of a prime.
func generateKeys(ctx context.Context, rand io.Reader, bits, n int, made func(done int)) ([]*Key, error) {
	if bits < value.MinKeyBits || bits > value.MaxKeyBits || bits%2 != 0 {
		return nil, fmt.Errorf("identity: cannot make a key of %d bits: want an even number from %d to %d", bits, value.MinKeyBits, value.MaxKeyBits)
	}
	secrets := &lockedReader{r: rand}
	results := make(chan found)
	var searches sync.WaitGroup
	defer searches.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for range min(2*n, runtime.GOMAXPROCS(0)) {
		searches.Go(func() { search(ctx, prime.NewSearch(secrets, bits/2), results) })
	}
	var keys []*Key
	var primes []*big.Int
	for len(keys) < n {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case r := <-results:
			if r.err != nil {
				return nil, fmt.Errorf("identity: cannot make a key of %d bits: %w", bits, r.err)
			}
			if primes = append(primes, r.prime); len(primes) < 2 {
				continue
			}
			key, err := newKeyOf(primes[0], primes[1])
			if err != nil {
				return nil, err
			}
			keys, primes = append(keys, key), nil
			made(len(keys))
		}
	}
	return keys, nil
}

// found is a prime, or why there will be none.
type found struct {
	prime *big.Int
	err   error
}

// search sends the primes that s finds until it fails or ctx ends.
func search(ctx context.Context, s *prime.Search, results chan<- found) {
	for ctx.Err() == nil {
		p, err := s.Step()
		if p == nil && err == nil {
			continue
		}
		select {
		case results <- found{p, err}:
		case <-ctx.Done():
		}
		if err != nil {
			return
		}
	}
}

// lockedReader is for several goroutines. Two that got the same bytes from a reader
// that is for one would find the same primes.
type lockedReader struct {
	mu sync.Mutex
	r  io.Reader
}

func (r *lockedReader) Read(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.r.Read(b)
}

// newKeyOf makes the key of two primes of one size (FIPS 186-5 A.1.1). Primes that
// are too close, or a secret exponent that is too short, are too unlikely to try
// again: Validate refuses them.
func newKeyOf(p, q *big.Int) (*Key, error) {
	one := big.NewInt(1)
	p1, q1 := new(big.Int).Sub(p, one), new(big.Int).Sub(q, one)
	gcd := new(big.Int).GCD(nil, nil, p1, q1)
	lcm := new(big.Int).Mul(p1, new(big.Int).Div(q1, gcd))
	private := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: prime.Exponent},
		D:         new(big.Int).ModInverse(big.NewInt(prime.Exponent), lcm),
		Primes:    []*big.Int{p, q},
	}
	private.Precompute()
	if err := private.Validate(); err != nil {
		return nil, fmt.Errorf("identity: cannot make a key of two primes: %w", err)
	}
	return newKey(private)
}
