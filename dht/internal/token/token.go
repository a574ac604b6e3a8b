// Package token makes and checks write tokens: proof that the sender of a put,
// listen or refresh receives what is sent to its address (opendht spec 6.3).
package token

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"time"
)

// Size is the length of a token in bytes.
const Size = 2 * aes.BlockSize

// Source makes tokens and recognises its own. A token is good for the address and
// port that it was made for, at least until its secret has been replaced, 15 to 45
// minutes after it was drawn, and replaced again.
//
// A Source is not safe for concurrent use. It keeps no record of tokens.
type Source struct {
	rng      *rand.Rand
	secrets  io.Reader
	current  cipher.Block
	previous cipher.Block
	renewal  time.Time           // replace the secret then
	block    [aes.BlockSize]byte // being encrypted; not on the stack, whence it would escape
	token    [Size]byte
}

// A token is two CBC-MACs with AES-128 of messages of two blocks: the address, and
// the port with the number of the half. For messages of one length that is a sound
// MAC, and with the processor's help the cheapest.
const secretSize = 16

// Pauses between two secrets.
const (
	leastRenewal = 15 * time.Minute
	mostRenewal  = 45 * time.Minute
)

// New returns a source whose secrets are read from secrets, a cryptographic
// source, and whose pauses are drawn from rng.
func New(now time.Time, rng *rand.Rand, secrets io.Reader) (*Source, error) {
	s := &Source{rng: rng, secrets: secrets}
	for range 2 {
		if err := s.replace(); err != nil {
			return nil, err
		}
	}
	s.renewal = now.Add(s.pause())
	return s, nil
}

func (s *Source) pause() time.Duration {
	return leastRenewal + time.Duration(s.rng.Int64N(int64(mostRenewal-leastRenewal)+1))
}

// Append appends the token for addr to b.
func (s *Source) Append(b []byte, now time.Time, addr netip.AddrPort) []byte {
	s.renew(now)
	return append(b, s.sum(s.current, addr)...)
}

// Valid reports whether token was made for addr by this source, with its current
// or its previous secret.
func (s *Source) Valid(now time.Time, token []byte, addr netip.AddrPort) bool {
	if len(token) != Size {
		return false
	}
	s.renew(now)
	return subtle.ConstantTimeCompare(s.sum(s.current, addr), token) == 1 ||
		subtle.ConstantTimeCompare(s.sum(s.previous, addr), token) == 1
}

// renew replaces the secret when it is time. When two renewals are due, the
// previous secret is too old to be accepted as well.
func (s *Source) renew(now time.Time) {
	for range 2 {
		if now.Before(s.renewal) {
			return
		}
		if s.replace() != nil {
			// Tokens of an old secret are still nobody else's to make.
			return
		}
		s.renewal = s.renewal.Add(s.pause())
	}
	if !now.Before(s.renewal) {
		s.renewal = now.Add(s.pause())
	}
}

// replace draws a new secret; the current one becomes the previous one.
func (s *Source) replace() error {
	var secret [secretSize]byte
	if _, err := io.ReadFull(s.secrets, secret[:]); err != nil {
		return fmt.Errorf("token: read a secret: %w", err)
	}
	next, err := aes.NewCipher(secret[:])
	if err != nil {
		return fmt.Errorf("token: %w", err)
	}
	s.previous, s.current = s.current, next
	return nil
}

// sum returns the token for addr under a secret. It is overwritten by the next sum.
func (s *Source) sum(secret cipher.Block, addr netip.AddrPort) []byte {
	address := addr.Addr().As16()
	block := s.block[:]
	copy(block, address[:])
	secret.Encrypt(block, block)
	block[0] ^= byte(addr.Port() >> 8)
	block[1] ^= byte(addr.Port())
	for half := range 2 {
		block[2] ^= byte(half)
		secret.Encrypt(s.token[half*aes.BlockSize:], block)
	}
	return s.token[:]
}
