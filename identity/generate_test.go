package identity

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"errors"
	"fmt"
	"math/big"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/dht/value"
	"rollcall/identity/internal/prime"
)

func TestGenerateKeyRefuses(t *testing.T) {
	for _, bits := range []int{-1, 0, 512, value.MinKeyBits - 2, value.MinKeyBits + 1, value.MaxKeyBits + 2} {
		if key, err := GenerateKey(t.Context(), rand.Reader, bits); err == nil {
			t.Errorf("%d bits: %v", bits, key)
		}
	}
}

func TestGenerateKey(t *testing.T) {
	for _, bits := range []int{value.MinKeyBits, value.MinKeyBits + 2, 2048} {
		t.Run(fmt.Sprint(bits), func(t *testing.T) {
			key, err := GenerateKey(t.Context(), rand.Reader, bits)
			if err != nil {
				t.Fatal(err)
			}
			checkPrivate(t, key.private, bits)
			text, err := key.MarshalPEM()
			if err != nil {
				t.Fatal(err)
			}
			parsed, err := ParseKey(text)
			if err != nil {
				t.Fatal(err)
			}
			if !parsed.private.Equal(key.private) || parsed.ID() != key.ID() {
				t.Error("another key comes back from PEM")
			}
			digest := sha512.Sum512([]byte("text"))
			signature, err := parsed.Sign(rand.Reader, digest[:], crypto.SHA512)
			if err != nil {
				t.Fatal(err)
			}
			if err := rsa.VerifyPKCS1v15(&key.private.PublicKey, crypto.SHA512, digest[:], signature); err != nil {
				t.Error(err)
			}
		})
	}
}

// checkPrivate checks what FIPS 186-5 A.1.1 and A.1.3 ask of a key, besides what
// Validate checks.
func checkPrivate(t *testing.T, private *rsa.PrivateKey, bits int) {
	t.Helper()
	fresh := rsa.PrivateKey{PublicKey: private.PublicKey, D: private.D, Primes: private.Primes}
	if err := fresh.Validate(); err != nil {
		t.Error(err)
	}
	if got := private.N.BitLen(); got != bits {
		t.Errorf("the modulus has %d bits, want %d", got, bits)
	}
	p, q := private.Primes[0], private.Primes[1]
	for _, prime := range private.Primes {
		if prime.BitLen() != bits/2 || !prime.ProbablyPrime(20) {
			t.Errorf("%d is no prime of %d bits", prime, bits/2)
		}
	}
	if distance := new(big.Int).Sub(p, q); distance.BitLen() <= bits/2-100 {
		t.Errorf("%d and %d are too close", p, q)
	}
	if private.D.BitLen() <= bits/2 {
		t.Errorf("the secret exponent %d is too short", private.D)
	}
}

func TestPrimesAreUsedOnce(t *testing.T) {
	keys, err := generateKeys(t.Context(), &dice{}, value.MinKeyBits, 3, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	primes := make(map[string]bool)
	for _, key := range keys {
		for _, p := range key.private.Primes {
			primes[p.String()] = true
		}
	}
	if len(primes) != 6 {
		t.Errorf("%d different primes, want 6", len(primes))
	}
}

func TestKeyOfBadPrimes(t *testing.T) {
	above := func(exponent uint, distance int64) *big.Int {
		n := new(big.Int).Lsh(big.NewInt(1), exponent)
		return n.Add(n, big.NewInt(distance))
	}
	const e = prime.Exponent
	p := above(521, -1)
	for _, test := range []struct {
		q      *big.Int
		reason string
	}{
		{p, "invalid CRT coefficient"},
		{above(521, -3), "too small"},
		{new(big.Int).Add(new(big.Int).Mul(above(504, 4), big.NewInt(e)), big.NewInt(1)), "missing private exponent"},
		{above(520, 0), "even"},
	} {
		key, err := newKeyOf(p, test.q)
		if err == nil || !strings.Contains(err.Error(), test.reason) {
			t.Errorf("q = %d: %v, %v; want an error of %q", test.q, key, err, test.reason)
		}
	}
}

// scriptedReader is dice until before, told the number of a read, fails.
type scriptedReader struct {
	dice   dice
	reads  int
	before func(read int) error
}

func (r *scriptedReader) Read(b []byte) (int, error) {
	r.reads++
	if err := r.before(r.reads); err != nil {
		return 0, err
	}
	return r.dice.Read(b)
}

func TestGenerateKeyStops(t *testing.T) {
	for _, last := range []int{1, 20} {
		synctest.Test(t, func(t *testing.T) { // fails if a goroutine stays
			ctx, cancel := context.WithCancel(t.Context())
			source := &scriptedReader{before: func(read int) error {
				if read == last {
					cancel()
				}
				return nil
			}}
			if key, err := GenerateKey(ctx, source, value.MaxKeyBits); !errors.Is(err, context.Canceled) {
				t.Errorf("GenerateKey = %v, %v", key, err)
			}
			if late := source.reads - last; late > runtime.GOMAXPROCS(0) {
				t.Errorf("%d reads after the end", late)
			}
		})
	}
}

func TestGenerateKeyWithoutSecrets(t *testing.T) {
	reason := errors.New("no entropy")
	for _, first := range []int{1, 20} {
		synctest.Test(t, func(t *testing.T) {
			source := &scriptedReader{before: func(read int) error {
				if read >= first {
					return reason
				}
				return nil
			}}
			if key, err := GenerateKey(t.Context(), source, value.MaxKeyBits); !errors.Is(err, reason) {
				t.Errorf("GenerateKey = %v, %v", key, err)
			}
		})
	}
}

// BenchmarkGenerateKeys compares the CPU of the keys of an account, made one by
// one, with that of crypto/rsa. It takes luck: 20 accounts tell by 10 in 100.
func BenchmarkGenerateKeys(b *testing.B) {
	b.Run("search", func(b *testing.B) {
		measureCPU(b, func() error {
			_, err := generateKeys(b.Context(), rand.Reader, KeyBits, 3, func(int) {})
			return err
		})
	})
	b.Run("crypto-rsa", func(b *testing.B) {
		measureCPU(b, func() error {
			for range 3 {
				if _, err := rsa.GenerateKey(rand.Reader, KeyBits); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

func measureCPU(b *testing.B, f func() error) {
	before := userTime(b)
	for b.Loop() {
		if err := f(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((userTime(b)-before).Milliseconds())/float64(b.N), "user-ms/op")
}

func userTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano())
}
