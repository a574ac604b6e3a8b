package prime

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"testing"
	"testing/iotest"
)

// secrets returns a source that is the same in every run.
func secrets() io.Reader { return rand.NewChaCha8([32]byte{}) }

// next returns the next prime of s.
func next(t *testing.T, s *Search) *big.Int {
	t.Helper()
	for {
		p, err := s.Step()
		if err != nil {
			t.Fatal(err)
		}
		if p != nil {
			return p
		}
	}
}

func TestSearch(t *testing.T) {
	for _, test := range []struct{ bits, primes int }{{16, 500}, {17, 500}, {64, 100}, {255, 10}, {512, 3}, {1024, 1}} {
		t.Run(fmt.Sprint(test.bits), func(t *testing.T) {
			s := NewSearch(secrets(), test.bits)
			for range test.primes {
				p := next(t, s)
				if !p.ProbablyPrime(20) {
					t.Errorf("%d is composite", p)
				}
				if p.BitLen() != test.bits || p.Bit(test.bits-2) != 1 {
					t.Errorf("%b does not begin with two of %d bits", p, test.bits)
				}
				if new(big.Int).Mod(p, big.NewInt(Exponent)).Int64() == 1 {
					t.Errorf("%d does not go with the exponent", p)
				}
			}
		})
	}
}

func TestPrimesAreFarApart(t *testing.T) {
	const bits = 64
	s := NewSearch(secrets(), bits)
	least := big.NewInt(int64(intervalLength(bits)))
	var primes []*big.Int
	for range 50 {
		p := next(t, s)
		for _, q := range primes {
			if distance := new(big.Int).Sub(p, q); distance.CmpAbs(least) <= 0 {
				t.Errorf("%d and %d are of one interval", p, q)
			}
		}
		primes = append(primes, p)
	}
}

// A search that took the first prime after a random start would hardly ever find
// one that comes right after another.
func TestPrimesAreLikely(t *testing.T) {
	const bits, draws = 16, 5000
	isSecondTwin := func(p int64) bool { return big.NewInt(p - 2).ProbablyPrime(0) }
	var all, twins float64
	for p := int64(3 << (bits - 2)); p < 1<<bits; p++ {
		if big.NewInt(p).ProbablyPrime(0) {
			all++
			if isSecondTwin(p) {
				twins++
			}
		}
	}
	found := 0.0
	s := NewSearch(secrets(), bits)
	for range draws {
		if isSecondTwin(next(t, s).Int64()) {
			found++
		}
	}
	if ratio := found / draws / (twins / all); ratio < 0.85 || ratio > 1.15 {
		t.Errorf("second twins are found %.2f times as often as they are there", ratio)
	}
}

func TestStepFails(t *testing.T) {
	reason := errors.New("no entropy")
	for _, drawn := range []int{0, 7, 8, 12, 16, 24} {
		s := NewSearch(io.MultiReader(io.LimitReader(secrets(), int64(drawn)), iotest.ErrReader(reason)), 64)
		var err error
		for steps := 0; err == nil; steps++ {
			if _, err = s.Step(); steps > drawn/8 {
				t.Fatalf("%d bytes: still no error", drawn)
			}
		}
		if !errors.Is(err, reason) {
			t.Errorf("%d bytes: %v", drawn, err)
		}
	}
	if _, err := NewSearch(bytes.NewReader(make([]byte, 7)), 64).Step(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("an end: %v", err)
	}
}

func TestIsPrime(t *testing.T) {
	for _, test := range []struct {
		name  string
		n     string
		prime bool
	}{
		{"the least odd prime", "3", true},
		{"the greatest of 32 bits", "4294967291", true},
		{"Mersenne 61", "2305843009213693951", true},
		{"Mersenne 127", "170141183460469231731687303715884105727", true},
		{"2^255 - 19", "57896044618658097711785492504343953926634992332820282019728792003956564819949", true},

		{"a square", "9", false},
		{"a product", "15", false},
		{"2^67 - 1", "147573952589676412927", false},
		{"2^256 + 1 is no Fermat prime", "115792089237316195423570985008687907853269984665640564039457584007913129639937", false},
	} {
		if got := isPrime(integer(t, test.n)); got != test.prime {
			t.Errorf("%s: isPrime(%s) = %t", test.name, test.n, got)
		}
	}
}

// What passes the first test is left to the second.
func TestPseudoprimesFail(t *testing.T) {
	for _, test := range []struct{ name, n string }{
		{"base 2", "341"},
		{"strong, base 2", "2047"},
		{"strong, base 2", "3277"},
		{"strong, base 2", "4033"},
		{"strong, bases 2 and 3", "1373653"},
		{"strong, bases 2 to 5", "25326001"},
		{"strong, bases 2 to 7", "3215031751"},
		{"strong, bases 2 to 23", "3825123056546413051"},
		{"strong, bases 2 to 37", "318665857834031151167461"},
		{"Carmichael", "561"},
		{"Carmichael", "1105"},
		{"Carmichael", "1729"},
		{"Carmichael", "294409"},
		{"Carmichael", "56052361"},
		{"Carmichael, eight factors", "232250619601"},
	} {
		n := integer(t, test.n)
		one := big.NewInt(1)
		if new(big.Int).Exp(big.NewInt(2), new(big.Int).Sub(n, one), n).Cmp(one) != 0 {
			t.Errorf("%s: %s is no pseudoprime to base 2", test.name, test.n)
		}
		if isPrime(n) {
			t.Errorf("%s: isPrime(%s)", test.name, test.n)
		}
	}
}

func TestFits(t *testing.T) {
	for _, test := range []struct {
		n    string
		fits bool
	}{
		{"3", true},
		{"65537", true},
		{"65539", true},
		{"786433", true},
		{"917519", false}, // 14 * 65537 + 1, the first
		{"1208944266358702884519941", false},
		{"1208944266358702884519943", true},
	} {
		if got := fits(integer(t, test.n)); got != test.fits {
			t.Errorf("fits(%s) = %t", test.n, got)
		}
	}
}

func integer(t *testing.T, s string) *big.Int {
	t.Helper()
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		t.Fatalf("no number: %s", s)
	}
	return n
}
