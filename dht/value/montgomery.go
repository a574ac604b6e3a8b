package value

import (
	"encoding/binary"
	"math/big"
	"math/bits"
)

// modulus is an odd number n to take powers by, in time that depends on the
// operands: for public values only. Numbers are k limbs of 64 bits, the lowest
// first, and below n. With R = 2^(64k), a Montgomery reduction divides by R
// instead of n, so that products cost additions and multiplications alone.
type modulus struct {
	n   []uint64
	inv uint64 // -1/n modulo 2^64
	big *big.Int
}

func newModulus(n *big.Int) *modulus {
	m := &modulus{n: limbs(n.Bytes(), (n.BitLen()+63)/64), big: n}
	// Newton's iteration: n is its own inverse modulo 8, and every step doubles
	// the number of right bits.
	inverse := m.n[0]
	for range 5 {
		inverse *= 2 - m.n[0]*inverse
	}
	m.inv = -inverse
	return m
}

// limbs converts a big-endian number to k limbs.
func limbs(b []byte, k int) []uint64 {
	z := make([]uint64, k)
	for i := range z {
		if len(b) <= 8 {
			var last [8]byte
			copy(last[8-len(b):], b)
			z[i] = binary.BigEndian.Uint64(last[:])
			break
		}
		z[i] = binary.BigEndian.Uint64(b[len(b)-8:])
		b = b[:len(b)-8]
	}
	return z
}

// exp returns b^e modulo n, where b is a big-endian number below n and e is odd
// and above 1.
func (m *modulus) exp(b []byte, e uint) []uint64 {
	k := len(m.n)
	x := limbs(b, k)
	shifted := new(big.Int).SetBytes(b)
	shifted.Lsh(shifted, uint(64*k))
	xR := limbs(shifted.Rem(shifted, m.big).Bytes(), k) // x·R: x in Montgomery form
	z, t := make([]uint64, k), make([]uint64, 2*k)
	copy(z, xR)
	for i := bits.Len(e) - 2; i > 0; i-- {
		m.square(z, t)
		if e>>i&1 == 1 {
			m.multiply(z, xR, t)
		}
	}
	m.square(z, t)
	// The last bit is set: by x instead of x·R, this leaves Montgomery form too.
	m.multiply(z, x, t)
	return z
}

// multiply sets z to z·x/R. t is room for 2k limbs.
func (m *modulus) multiply(z, x, t []uint64) {
	k := len(m.n)
	clear(t)
	for i, y := range z {
		t[i+k] = addMul(t[i:i+k], x, y)
	}
	m.reduce(z, t)
}

// square sets z to z·z/R. t is room for 2k limbs. Products of different limbs
// occur twice; they are summed once and doubled.
func (m *modulus) square(z, t []uint64) {
	k := len(m.n)
	clear(t)
	for i, y := range z[:k-1] {
		t[i+k] = addMul(t[2*i+1:i+k], z[i+1:], y)
	}
	var shifted, carry uint64
	for i, y := range z {
		hi, lo := bits.Mul64(y, y)
		a, b := t[2*i], t[2*i+1]
		t[2*i], carry = bits.Add64(a<<1|shifted, lo, carry)
		t[2*i+1], carry = bits.Add64(b<<1|a>>63, hi, carry)
		shifted = b >> 63
	}
	m.reduce(z, t)
}

// reduce sets z to t/R modulo n: it adds the multiple of n that makes the lower
// half of t zero, and takes the upper half.
func (m *modulus) reduce(z, t []uint64) {
	k := len(m.n)
	var carry uint64
	for i := range k {
		c := addMul(t[i:i+k], m.n, t[i]*m.inv)
		t[i+k], carry = bits.Add64(t[i+k], c, carry)
	}
	// What remains is below 2n.
	var borrow uint64
	for i, n := range m.n {
		z[i], borrow = bits.Sub64(t[k+i], n, borrow)
	}
	if carry < borrow {
		copy(z, t[k:])
	}
}

// addMul adds x·y to z, of the same length, and returns the limb that is carried
// out. Four limbs at a time keep the processor's carry flag in use.
func addMul(z, x []uint64, y uint64) (carry uint64) {
	z = z[:len(x)]
	var c uint64
	i := 0
	for ; i+4 <= len(x); i += 4 {
		x4, z4 := x[i:i+4:i+4], z[i:i+4:i+4]
		h0, l0 := bits.Mul64(x4[0], y)
		h1, l1 := bits.Mul64(x4[1], y)
		h2, l2 := bits.Mul64(x4[2], y)
		h3, l3 := bits.Mul64(x4[3], y)
		l0, c = bits.Add64(l0, carry, 0)
		l1, c = bits.Add64(l1, h0, c)
		l2, c = bits.Add64(l2, h1, c)
		l3, c = bits.Add64(l3, h2, c)
		h3 += c
		z4[0], c = bits.Add64(z4[0], l0, 0)
		z4[1], c = bits.Add64(z4[1], l1, c)
		z4[2], c = bits.Add64(z4[2], l2, c)
		z4[3], c = bits.Add64(z4[3], l3, c)
		carry = h3 + c
	}
	for ; i < len(x); i++ {
		hi, lo := bits.Mul64(x[i], y)
		lo, c = bits.Add64(lo, carry, 0)
		hi += c
		z[i], c = bits.Add64(z[i], lo, 0)
		carry = hi + c
	}
	return carry
}
