package identity

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/binary"
	"errors"
	"iter"
	"math/big"
	mathrand "math/rand/v2"
	"runtime"
	"sync"
)

// Keys are made as FIPS 186-5 A.1.3 has it: their primes are random numbers of half
// the size, with the two highest bits set, that pass at least as many rounds of the
// Miller-Rabin test as its table B.1 asks for. Only candidates are found in another
// way. One odd number of 2048 bits in 710 is prime, and to test one takes
// milliseconds; so a sieve by small primes goes over a window of numbers from a random
// start on, and those that it leaves are tested in random order. A window has 92
// primes on average and gives one of them: primes are independent of each other, and
// all but equally likely (Brandt and Damgård, On generation of probable primes by
// incremental search, CRYPTO '92).
const (
	// sieveLimit bounds the small primes. To sieve by larger ones takes longer than
	// the tests that it saves.
	sieveLimit = 1 << 17
	// sieveWindow is how many odd numbers a window has.
	sieveWindow = 1 << 16
	// primeRounds is how many rounds with random bases a prime passes, as many as
	// table B.1 asks for at 2048 bits. One with base 2 and a Lucas test come on top.
	primeRounds = 4
)

// primes searches for primes of the given size, a multiple of 8 bits, on all cores,
// and yields them until ctx ends. Once the loop over them has ended, none of the
// search runs any more.
func primes(ctx context.Context, bits int) iter.Seq[*big.Int] {
	return func(yield func(*big.Int) bool) {
		ctx, stop := context.WithCancel(ctx)
		found := make(chan *big.Int)
		var workers sync.WaitGroup
		defer workers.Wait()
		defer stop()
		small := oddPrimes(sieveLimit)
		for range runtime.GOMAXPROCS(0) {
			workers.Go(func() {
				for p := findPrime(ctx, bits, small); p != nil; p = findPrime(ctx, bits, small) {
					select {
					case found <- p:
					case <-ctx.Done():
						return
					}
				}
			})
		}
		for {
			select {
			case p := <-found:
				if !yield(p) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

// findPrime returns a prime of which the public exponent does not divide the
// predecessor, or nil at the end of ctx.
func findPrime(ctx context.Context, bits int, small []uint32) *big.Int {
	one, e := big.NewInt(1), big.NewInt(publicExponent)
	for {
		start := randomOdd(bits)
		candidates := sieve(start, small)
		shuffle(candidates)
		for _, i := range candidates {
			if ctx.Err() != nil {
				return nil
			}
			p := new(big.Int).Add(start, big.NewInt(int64(2*i)))
			if p.ProbablyPrime(primeRounds) && new(big.Int).Mod(p, e).Cmp(one) != 0 {
				return p
			}
		}
	}
}

// randomOdd draws an odd number with the two highest of its bits set, so that the
// product of two has twice as many.
func randomOdd(bits int) *big.Int {
	b := make([]byte, bits/8)
	_, _ = rand.Read(b) // it never fails
	x := new(big.Int).SetBytes(b)
	for _, i := range []int{0, bits - 2, bits - 1} {
		x.SetBit(x, i, 1)
	}
	return x
}

// shuffle puts the numbers into an order that nobody can guess.
func shuffle(numbers []int) {
	var seed [32]byte
	_, _ = rand.Read(seed[:])
	order := mathrand.New(mathrand.NewChaCha8(seed))
	order.Shuffle(len(numbers), func(i, j int) { numbers[i], numbers[j] = numbers[j], numbers[i] })
}

// sieve returns which of the odd numbers start + 2i, with i below sieveWindow, no
// small prime divides, as their i. start is odd and above the small primes.
func sieve(start *big.Int, small []uint32) []int {
	words := start.FillBytes(make([]byte, (start.BitLen()+31)/32*4))
	var divided [sieveWindow]bool
	for _, p := range small {
		p := uint64(p)
		var rest uint64
		for i := 0; i < len(words); i += 4 {
			rest = (rest<<32 | uint64(binary.BigEndian.Uint32(words[i:]))) % p
		}
		above := (p - rest) % p // the first multiple of p is start + above
		if above%2 == 1 {
			above += p
		}
		for i := above / 2; i < sieveWindow; i += p {
			divided[i] = true
		}
	}
	var left []int
	for i, d := range divided {
		if !d {
			left = append(left, i)
		}
	}
	return left
}

// oddPrimes returns all odd primes below limit.
func oddPrimes(limit int) []uint32 {
	divided := make([]bool, limit)
	var found []uint32
	for n := 3; n < limit; n += 2 {
		if divided[n] {
			continue
		}
		found = append(found, uint32(n))
		for m := n * n; m < limit; m += 2 * n {
			divided[m] = true
		}
	}
	return found
}

// newRSA makes a key of two primes. The standard library checks it as FIPS 186-5
// A.1.1 and A.1.3 say: that its members belong together, that the primes are far
// apart, and that the private exponent is large.
func newRSA(p, q *big.Int) (*rsa.PrivateKey, error) {
	one := big.NewInt(1)
	p1, q1 := new(big.Int).Sub(p, one), new(big.Int).Sub(q, one)
	period := new(big.Int).Mul(p1, q1)
	period.Div(period, new(big.Int).GCD(nil, nil, p1, q1))
	key := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: publicExponent},
		D:         new(big.Int).ModInverse(big.NewInt(publicExponent), period),
		Primes:    []*big.Int{p, q},
	}
	if key.N.BitLen() != p.BitLen()+q.BitLen() {
		return nil, errors.New("primes are too small for the modulus")
	}
	key.Precompute()
	return key, key.Validate()
}
