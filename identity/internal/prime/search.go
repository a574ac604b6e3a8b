// Package prime finds the primes of RSA keys.
//
// A search draws an odd number, sieves the interval that begins with it, and
// tests what is left in random order. To draw each candidate afresh (FIPS 186-5
// A.1.3) takes 1.6 times the CPU, as only few divisions of each pay.
//
// To take the first prime of an interval is accepted practice (Brandt and Damgård,
// "On Generation of Probable Primes by Incremental Search", 1992), but the longer
// the gap before a prime, the likelier it is then. Here it is one of some ninety,
// taken at random, and thus nearly as likely as any other.
//
// The arithmetic of math/big does not take constant time: who can watch the caches
// of the machine while a key is made could learn about it.
package prime

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
)

// Exponent is the public exponent of the keys that the primes are for: of no
// prime p does it divide p-1.
const Exponent = 65537

// rounds of Miller-Rabin leave a probability below 2^-112 that a random number
// that passed is composite: FIPS 186-5 table B.1 asks for 5 with primes of 1024
// bits and 4 with longer ones. ProbablyPrime adds a Baillie-PSW test.
const rounds = 5

// Search finds random primes of one size. It does not stop at the first: every
// prime is from an interval of its own. A Search is not safe for concurrent use.
type Search struct {
	secrets io.Reader
	bits    int
	small   []uint32
	start   *big.Int // of the interval; odd
	left    []int    // distances from start of what is to be tested
}

// NewSearch returns a search for primes of exactly the given size, at least 16
// bits, that have their two highest bits set, so that the product of two is as long
// as both together. All it draws is read from secrets, a cryptographic source.
func NewSearch(secrets io.Reader, bits int) *Search {
	return &Search{secrets: secrets, bits: bits, small: smallPrimes(sieveBound(bits))}
}

// Step goes on with the search for about as long as an exponentiation takes, or
// nine with the prime that it finds. It returns nil until it finds one, which is
// the caller's. An error is that of the source of secrets.
func (s *Search) Step() (*big.Int, error) {
	if len(s.left) == 0 {
		return nil, s.draw()
	}
	n, err := s.pick()
	if err != nil || !fits(n) || !isPrime(n) {
		return nil, err
	}
	// Two primes of one interval would give a key away: they are too close.
	s.left = nil
	return n, nil
}

// draw begins a new interval. None is left of one that is too close to the next
// power of two.
func (s *Search) draw() error {
	b := make([]byte, (s.bits+7)/8)
	if err := s.read(b); err != nil {
		return err
	}
	n := new(big.Int).SetBytes(b)
	n.Rsh(n, uint(len(b)*8-s.bits))
	for _, i := range []int{0, s.bits - 2, s.bits - 1} {
		n.SetBit(n, i, 1)
	}
	s.start, s.left = n, s.left[:0]
	length := intervalLength(s.bits)
	if new(big.Int).Add(n, big.NewInt(int64(length))).BitLen() > s.bits {
		return nil
	}
	for i, composite := range sieve(n, length/2, s.small) {
		if !composite {
			s.left = append(s.left, 2*i)
		}
	}
	return nil
}

// pick takes one of those left, at random; the remainder of 64 bits is as good as
// uniform with so few of them.
func (s *Search) pick() (*big.Int, error) {
	var b [8]byte
	if err := s.read(b[:]); err != nil {
		return nil, err
	}
	i, last := binary.LittleEndian.Uint64(b[:])%uint64(len(s.left)), len(s.left)-1
	distance := s.left[i]
	s.left[i], s.left = s.left[last], s.left[:last]
	return new(big.Int).Add(s.start, big.NewInt(int64(distance))), nil
}

func (s *Search) read(b []byte) error {
	if _, err := io.ReadFull(s.secrets, b); err != nil {
		return fmt.Errorf("cannot read random bytes: %w", err)
	}
	return nil
}

// fits reports whether a key with Exponent can have the odd prime n. As Exponent
// is a prime itself, it has a factor in common with n-1 only if it divides it.
func fits(n *big.Int) bool {
	return remainder(n.Bits(), Exponent) != 1
}

// isPrime tests the odd number n > 2: nearly all composites fail the first test
// (Fermat's, to base 2), which is the cheapest.
func isPrime(n *big.Int) bool {
	one := big.NewInt(1)
	power := new(big.Int).Exp(big.NewInt(2), new(big.Int).Sub(n, one), n)
	return power.Cmp(one) == 0 && n.ProbablyPrime(rounds)
}
