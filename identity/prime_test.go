package identity

import (
	"context"
	"errors"
	"math/big"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/dht/value"
)

func TestOddPrimes(t *testing.T) {
	if got, want := oddPrimes(50), []uint32{3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47}; !slices.Equal(got, want) {
		t.Errorf("odd primes below 50: %v, want %v", got, want)
	}
	if n := len(oddPrimes(sieveLimit)); n != 12250 {
		t.Errorf("%d odd primes below %d", n, sieveLimit)
	}
}

// TestSieve compares what a sieve leaves with what has no common divisor with the
// product of the small primes.
func TestSieve(t *testing.T) {
	small := oddPrimes(300)
	product := big.NewInt(1)
	for _, p := range small {
		product.Mul(product, big.NewInt(int64(p)))
	}
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 2, 40).Draw(t, "start")
		start := new(big.Int).SetBytes(append([]byte{1}, b...))
		start.SetBit(start, 0, 1)
		left := sieve(start, small)
		for i := range 300 {
			n := new(big.Int).Add(start, big.NewInt(int64(2*i)))
			coprime := new(big.Int).GCD(nil, nil, n, product).Cmp(big.NewInt(1)) == 0
			if _, isLeft := slices.BinarySearch(left, i); isLeft != coprime {
				t.Fatalf("%v + %d: left %v, coprime to all small primes %v", start, 2*i, isLeft, coprime)
			}
		}
	})
}

func TestShuffle(t *testing.T) {
	numbers := make([]int, 1000)
	for i := range numbers {
		numbers[i] = i
	}
	shuffle(numbers)
	if slices.IsSorted(numbers) {
		t.Error("the numbers are in their old order")
	}
	slices.Sort(numbers)
	for i, n := range numbers {
		if n != i {
			t.Fatalf("%d is missing", i)
		}
	}
}

// TestPrimes looks at what FIPS 186-5 A.1.3 demands of primes.
func TestPrimes(t *testing.T) {
	const bits, count = 512, 20
	var found []*big.Int
	for p := range primes(t.Context(), bits) {
		switch {
		case !p.ProbablyPrime(40):
			t.Errorf("%v is no prime", p)
		case p.BitLen() != bits || p.Bit(bits-2) != 1:
			t.Errorf("%v is too small", p)
		case new(big.Int).Mod(p, big.NewInt(publicExponent)).Cmp(big.NewInt(1)) == 0:
			t.Errorf("%v: the public exponent divides its predecessor", p)
		}
		for _, q := range found {
			if new(big.Int).Sub(p, q).BitLen() <= bits-100 {
				t.Errorf("%v and %v are close to each other", p, q)
			}
		}
		if found = append(found, p); len(found) == count {
			return
		}
	}
}

func TestNewRSARefuses(t *testing.T) {
	var p, q *big.Int
	for prime := range primes(t.Context(), 512) {
		if p, q = q, prime; p != nil {
			break
		}
	}
	next := new(big.Int).Add(p, big.NewInt(2))
	for !next.ProbablyPrime(primeRounds) {
		next.Add(next, big.NewInt(2))
	}
	small := new(big.Int).SetBit(new(big.Int), 511, 1)
	for !small.ProbablyPrime(primeRounds) {
		small.Add(small, big.NewInt(1))
	}
	for name, other := range map[string]*big.Int{"the same": p, "the next": next, "one that makes a small modulus": small} {
		if key, err := newRSA(p, other); err == nil && key.N.BitLen() == 1024 {
			t.Errorf("%s is taken as the second prime", name)
		}
	}
	if key, err := newRSA(p, q); err != nil || key.N.BitLen() != 1024 || key.E != publicExponent {
		t.Errorf("newRSA = %v, %v", key, err)
	}
}

func TestGenerateKeyRefuses(t *testing.T) {
	for _, bits := range []int{-1, 0, 512, value.MinKeyBits - 16, value.MinKeyBits + 1, value.MaxKeyBits + 16} {
		if key, err := GenerateKey(t.Context(), nil, bits); err == nil {
			t.Errorf("%d bits: %v", bits, key)
		}
	}
}

// TestGenerateKeyStops: the search ends with its context, in the time of some tests
// for primality.
func TestGenerateKeyStops(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := GenerateKey(ctx, nil, value.MaxKeyBits)
		done <- err
	}()
	select {
	case err := <-done:
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("GenerateKey: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the search goes on")
	}
}
