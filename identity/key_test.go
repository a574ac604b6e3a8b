package identity

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"

	"rollcall/dht/value"
)

func TestGenerateKeyRefuses(t *testing.T) {
	for _, bits := range []int{-1, 0, 512, value.MinKeyBits - 1, value.MaxKeyBits + 1} {
		if key, err := GenerateKey(t.Context(), rand.Reader, bits); err == nil {
			t.Errorf("%d bits: %v", bits, key)
		}
	}
}

func TestGenerateKeyStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if key, err := GenerateKey(ctx, rand.Reader, value.MaxKeyBits); !errors.Is(err, context.Canceled) {
		t.Errorf("GenerateKey = %v, %v", key, err)
	}
}
