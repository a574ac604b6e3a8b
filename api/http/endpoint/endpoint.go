// Package endpoint knows where the HTTP API of a daemon is: on a socket in its
// data directory, which only its user can open, or on a loopback port, where a
// token tells that user from others.
package endpoint

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"rollcall/internal/atomicfile"
)

// Names of files in the data directory.
const (
	socketName = "http.sock"
	tokenName  = "http.token"
)

// maxSocketPath is what fits into the address of a Unix socket on every system.
const maxSocketPath = 103

// Endpoint is where an API is.
type Endpoint struct {
	Network   string // "unix" or "tcp", as in package net
	Address   string // a path, or an address with a port
	TokenFile string // of a "tcp" endpoint
}

// Parse reads an address of the API: "" for the socket in the data directory,
// "unix:PATH" for another one, or a loopback address with a port, such as
// 127.0.0.1:8080. The token of the latter is in the data directory.
func Parse(address, dataDir string) (Endpoint, error) {
	path, isPath := strings.CutPrefix(address, "unix:")
	if address == "" {
		path, isPath = filepath.Join(dataDir, socketName), true
	}
	if isPath {
		if path == "" || len(path) > maxSocketPath {
			return Endpoint{}, fmt.Errorf("HTTP socket %q: want a path of 1 to %d bytes: choose a shorter data directory", path, maxSocketPath)
		}
		return Endpoint{Network: "unix", Address: path}, nil
	}
	addr, err := netip.ParseAddrPort(strings.TrimPrefix(address, "http://"))
	if err != nil || !addr.Addr().IsLoopback() {
		return Endpoint{}, fmt.Errorf("HTTP address %q: want unix:PATH, or a loopback address with a port, such as 127.0.0.1:8080", address)
	}
	return Endpoint{Network: "tcp", Address: addr.String(), TokenFile: filepath.Join(dataDir, tokenName)}, nil
}

// String returns the endpoint in the form that Parse reads.
func (e Endpoint) String() string {
	if e.Network == "unix" {
		return "unix:" + e.Address
	}
	return e.Address
}

// Token reads the token of a "tcp" endpoint; that of others is "".
func (e Endpoint) Token() (string, error) {
	if e.TokenFile == "" {
		return "", nil
	}
	b, err := os.ReadFile(e.TokenFile)
	if err != nil {
		return "", fmt.Errorf("token of the HTTP API: %w", err)
	}
	token := strings.TrimSpace(string(b))
	if token == "" {
		return "", fmt.Errorf("token of the HTTP API: %s is empty, remove it and restart the daemon", e.TokenFile)
	}
	return token, nil
}

// MakeToken is Token, but makes the file if there is none, with mode 0600.
func (e Endpoint) MakeToken() (string, error) {
	token, err := e.Token()
	if !errors.Is(err, fs.ErrNotExist) {
		return token, err
	}
	token = rand.Text()
	return token, atomicfile.Write(e.TokenFile, []byte(token+"\n"), 0o600)
}
