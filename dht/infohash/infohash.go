// Package infohash implements the 160-bit identifiers of the OpenDHT network:
// keys, node ids and key ids, with the XOR distance that orders them.
//
// Source: opendht spec section 1.
package infohash

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"math/bits"
)

// Size is the length of a Hash in bytes.
const Size = 20

// Bits is the length of a Hash in bits.
const Bits = Size * 8

// ErrBadHex reports text that is not 40 hexadecimal digits.
var ErrBadHex = errors.New("infohash: want 40 hexadecimal digits")

// Hash is a 160-bit key, node id or key id, in network order. The zero Hash is
// invalid everywhere on the network.
type Hash [Size]byte

// Sum returns the Hash of data: its SHA-1.
func Sum(data []byte) Hash { return sha1.Sum(data) }

// SumString returns the Hash of the bytes of s.
func SumString(s string) Hash { return sha1.Sum([]byte(s)) }

// Parse reads exactly 40 hexadecimal digits, in either case.
func Parse(s string) (Hash, error) {
	var h Hash
	if len(s) != 2*Size {
		return Hash{}, fmt.Errorf("%w, got %d characters", ErrBadHex, len(s))
	}
	if _, err := hex.Decode(h[:], []byte(s)); err != nil {
		return Hash{}, fmt.Errorf("%w, got %q", ErrBadHex, s)
	}
	return h, nil
}

// FromBytes copies b into a Hash; ok is false unless b has exactly Size bytes.
func FromBytes(b []byte) (h Hash, ok bool) {
	if len(b) != Size {
		return Hash{}, false
	}
	return Hash(b), true
}

// ParseKey reads a key the way the command-line tools of the network do: 40
// hexadecimal digits are the key itself, any other text is hashed.
func ParseKey(s string) Hash {
	if h, err := Parse(s); err == nil {
		return h
	}
	return SumString(s)
}

// String returns 40 lower-case hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Short returns the first 8 hexadecimal digits, for logs.
func (h Hash) Short() string { return hex.EncodeToString(h[:4]) }

// IsZero reports whether h is the invalid zero hash.
func (h Hash) IsZero() bool { return h == Hash{} }

// MarshalText encodes h as 40 lower-case hexadecimal digits.
func (h Hash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText reads 40 hexadecimal digits.
func (h *Hash) UnmarshalText(b []byte) error {
	parsed, err := Parse(string(b))
	if err != nil {
		return err
	}
	*h = parsed
	return nil
}

// Compare orders hashes as unsigned big-endian numbers.
func (h Hash) Compare(o Hash) int { return bytes.Compare(h[:], o[:]) }

// Xor returns the distance between h and o.
func (h Hash) Xor(o Hash) Hash {
	for i := range h {
		h[i] ^= o[i]
	}
	return h
}

// CompareDistance reports which of a and b is closer to h: negative when a is,
// positive when b is, zero when they are equal.
func (h Hash) CompareDistance(a, b Hash) int {
	for i := range h {
		if a[i] != b[i] {
			return int(a[i]^h[i]) - int(b[i]^h[i])
		}
	}
	return 0
}

// CommonBits returns the length in bits of the common prefix of h and o.
func (h Hash) CommonBits(o Hash) int {
	for i := range h {
		if x := h[i] ^ o[i]; x != 0 {
			return i*8 + bits.LeadingZeros8(x)
		}
	}
	return Bits
}

// Bit returns bit i of h, 0 being the most significant.
func (h Hash) Bit(i int) bool { return h[i/8]&(0x80>>(i%8)) != 0 }

// WithBit returns h with bit i set to v, 0 being the most significant.
func (h Hash) WithBit(i int, v bool) Hash {
	if v {
		h[i/8] |= 0x80 >> (i % 8)
	} else {
		h[i/8] &^= 0x80 >> (i % 8)
	}
	return h
}
