package main

import (
	"context"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"rollcall/dht"
	"rollcall/identity"
	"rollcall/internal/atomicfile"
)

// loadIdentity is readIdentity, but makes a file that does not exist.
func loadIdentity(ctx context.Context, path string) (*dht.Identity, error) {
	id, err := readIdentity(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return id, err
	}
	b, err := newIdentityFile(ctx)
	if err == nil {
		err = atomicfile.Write(path, b, 0o600)
	}
	if err != nil {
		return nil, fail(codeInternal, "identity: %w", err)
	}
	return readIdentity(path)
}

// readIdentity reads an identity file: the PEM blocks of a private key and of its
// certificate chain, leaf first.
func readIdentity(path string) (*dht.Identity, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fail(codeInternal, "identity: %w", err)
	}
	var key *identity.Key
	var chain [][]byte
	for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			chain = append(chain, block.Bytes)
			continue
		}
		if key, err = identity.ParseKey(pem.EncodeToMemory(block)); err != nil {
			return nil, fmt.Errorf("identity %s: %w", path, err)
		}
	}
	if key == nil {
		return nil, fmt.Errorf("identity %s: want a PEM block PRIVATE KEY", path)
	}
	id, err := dht.NewIdentity(key, chain...)
	if err != nil {
		return nil, fmt.Errorf("identity %s: %w", path, err)
	}
	return id, nil
}

// newIdentityFile makes a key with a certificate chain of its own.
func newIdentityFile(ctx context.Context) ([]byte, error) {
	_, device, err := identity.Generate(ctx, identity.Config{}, time.Now(), rand.Reader)
	if err != nil {
		return nil, err
	}
	key, err := device.MarshalPEM()
	if err != nil {
		return nil, err
	}
	return device.Chain().AppendPEM(key), nil
}
