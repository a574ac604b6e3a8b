package prime

import (
	"math"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestSmallPrimes(t *testing.T) {
	var want []uint32
	for bound := range 3000 {
		if n := big.NewInt(int64(bound)); bound > 2 && n.ProbablyPrime(0) {
			want = append(want, uint32(bound))
		}
		if got := smallPrimes(bound); !slices.Equal(got, want) {
			t.Fatalf("smallPrimes(%d) = %d", bound, got)
		}
	}
	if got := len(smallPrimes(1 << 20)); got != 82024 {
		t.Errorf("%d odd primes under 2^20, want 82024", got)
	}
}

func TestSieve(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		small := smallPrimes(rapid.IntRange(2, 1000).Draw(t, "bound"))
		start := new(big.Int).SetBytes(rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "start"))
		start.Add(start, big.NewInt(1000)).SetBit(start, 0, 1)
		length := rapid.IntRange(0, 1500).Draw(t, "length")

		got := sieve(start, length, small)
		if len(got) != length {
			t.Fatalf("%d of %d numbers", len(got), length)
		}
		for i, composite := range got {
			n := new(big.Int).Add(start, big.NewInt(int64(2*i)))
			if want := slices.ContainsFunc(small, func(p uint32) bool { return divides(p, n) }); composite != want {
				t.Fatalf("%d: composite is %t, want %t", n, composite, want)
			}
		}
	})
}

func divides(p uint32, n *big.Int) bool {
	return new(big.Int).Mod(n, big.NewInt(int64(p))).Sign() == 0
}

func TestRemainder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := new(big.Int).SetBytes(rapid.SliceOfN(rapid.Byte(), 0, 600).Draw(t, "n"))
		m := uint(rapid.UintRange(1, math.MaxUint).Draw(t, "m"))
		want := new(big.Int).Mod(n, new(big.Int).SetUint64(uint64(m))).Uint64()
		if got := remainder(n.Bits(), m); uint64(got) != want {
			t.Fatalf("%d mod %d = %d, want %d", n, m, got, want)
		}
	})
}

func TestGroup(t *testing.T) {
	most := new(big.Int).SetUint64(math.MaxUint)
	for small := smallPrimes(1 << 16); len(small) > 0; {
		product, count := group(small)
		want := big.NewInt(1)
		for _, p := range small[:count] {
			want.Mul(want, big.NewInt(int64(p)))
		}
		if count == 0 || want.Cmp(most) > 0 || want.Uint64() != uint64(product) {
			t.Fatalf("the product of %d is %d, want %d", small[:count], product, want)
		}
		if small = small[count:]; len(small) > 0 && want.Mul(want, big.NewInt(int64(small[0]))).Cmp(most) <= 0 {
			t.Fatalf("%d would fit too", small[0])
		}
	}
}
