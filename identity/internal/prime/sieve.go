package prime

import (
	"math/big"
	"math/bits"
)

// sieveBound bounds the primes to sieve with when primes of the given size are
// looked for: 2^20 for RSA-4096. As measured for 512 to 4096 bits, half of it or
// twice as much costs about as much CPU, as what is saved by fewer exponentiations
// goes into more divisions.
func sieveBound(bits int) int { return bits * bits / 4 }

// intervalLength is the length of an interval. Among numbers of b bits one in 0.7 b
// is prime, so it holds some ninety primes, and one without any is unheard of.
func intervalLength(bits int) int { return 64 * bits }

// sieve tells which of the n odd numbers from start on have a factor among small;
// start is odd and greater than those.
func sieve(start *big.Int, n int, small []uint32) []bool {
	composite := make([]bool, n)
	for words := start.Bits(); len(small) > 0; {
		product, count := group(small)
		rest := remainder(words, product)
		for _, p := range small[:count] {
			p := uint(p)
			distance := p - rest%p // to the next multiple of p
			if distance%2 == 1 {
				distance += p // which is odd
			}
			for i := distance / 2 % p; i < uint(n); i += p {
				composite[i] = true
			}
		}
		small = small[count:]
	}
	return composite
}

// group returns the product of the first of small, as many as fit into a word,
// and their number: one division of a long number by it serves them all.
func group(small []uint32) (product uint, count int) {
	product = 1
	for _, p := range small {
		high, low := bits.Mul(product, uint(p))
		if high != 0 {
			break
		}
		product, count = low, count+1
	}
	return product, count
}

// remainder divides a number, lowest word first, by m.
func remainder(words []big.Word, m uint) (rest uint) {
	for i := len(words) - 1; i >= 0; i-- {
		_, rest = bits.Div(rest, uint(words[i]), m)
	}
	return rest
}

// smallPrimes returns the odd primes up to bound, by the sieve of Eratosthenes.
func smallPrimes(bound int) []uint32 {
	composite := make([]bool, bound/2+1) // of 2i+1
	var primes []uint32
	for n := 3; n <= bound; n += 2 {
		if composite[n/2] {
			continue
		}
		primes = append(primes, uint32(n))
		for factor := n; factor <= bound/n; factor += 2 {
			composite[n*factor/2] = true
		}
	}
	return primes
}
