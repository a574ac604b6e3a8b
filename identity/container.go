package identity

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"

	"rollcall/dht/value"
)

// The containers of an archive (account spec 3.1):
//
//	open    gzip(JSON)
//	locked  salt[16] || iv[12] || AES-256-GCM(zlib(JSON)) || tag[16]
//
// where the AES key is SHA-256(Argon2i(password, salt)), or given itself.

var (
	// ErrPassword reports a wrong password or key for an archive, a missing one,
	// or one for an archive that has none.
	ErrPassword = errors.New("identity: wrong password for the archive")
	// ErrArchive reports bytes that are no account archive, or a damaged one.
	ErrArchive = errors.New("identity: not an account archive")
)

// Scheme tells how an archive is locked.
type Scheme string

// The schemes, by the names that clients use.
const (
	SchemeNone     Scheme = ""
	SchemePassword Scheme = "password"
	SchemeKey      Scheme = "key"
)

// Secret opens or locks an archive. Text is the password, or the base64 of the
// 32-byte key; an empty Text means an archive that is not locked, whatever the
// Scheme. The zero Secret is that, too.
type Secret struct {
	Scheme Scheme
	Text   string
}

// Password returns the Secret of a password.
func Password(text string) Secret { return Secret{Scheme: SchemePassword, Text: text} }

// String keeps the secret out of logs.
func (s Secret) String() string {
	if s.Text == "" {
		return "no secret"
	}
	return string(s.Scheme) + " (not shown)"
}

// GoString is String.
func (s Secret) GoString() string { return s.String() }

// lock is a key stretched once, with the salt that belongs to it. The nil lock
// leaves an archive open.
type lock struct {
	salt [saltSize]byte
	key  [archiveKeyLen]byte
}

// newLock stretches s over salt, which costs a second and 64 MiB for a password.
func newLock(s Secret, salt [saltSize]byte) (*lock, error) {
	if s.Text == "" {
		return nil, nil
	}
	l := &lock{salt: salt}
	switch s.Scheme {
	case SchemePassword:
		l.key = [archiveKeyLen]byte(value.Stretch(s.Text, salt[:], archiveKeyLen))
	case SchemeKey:
		key, err := base64.StdEncoding.DecodeString(s.Text)
		if err != nil || len(key) != archiveKeyLen {
			return nil, fmt.Errorf("%w: want the base64 of a key of %d bytes", ErrPassword, archiveKeyLen)
		}
		l.key = [archiveKeyLen]byte(key)
	default:
		return nil, fmt.Errorf("identity: archive scheme %q is unknown, want %q, %q or %q", s.Scheme, SchemeNone, SchemePassword, SchemeKey)
	}
	return l, nil
}

// newSalt draws a salt. A locked archive begins with it, and readers take one
// that begins like a gzip file for an open one: such a salt is drawn again.
func newSalt(rand io.Reader) (salt [saltSize]byte, err error) {
	for {
		if _, err := io.ReadFull(rand, salt[:]); err != nil {
			return salt, fmt.Errorf("identity: cannot draw a salt: %w", err)
		}
		if !isGzip(salt[:]) {
			return salt, nil
		}
	}
}

// openContainer returns the JSON text in b and the lock it was under.
func openContainer(b []byte, s Secret) ([]byte, *lock, error) {
	if len(b) > MaxArchiveSize {
		return nil, nil, fmt.Errorf("%w: %d bytes, want at most %d", ErrArchive, len(b), MaxArchiveSize)
	}
	// Some servers compress what they serve once more, locked or not.
	wrapped := isGzip(b)
	if wrapped {
		var err error
		if b, err = inflate(b, MaxArchiveSize); err != nil {
			return nil, nil, err
		}
	}
	if s.Text != "" {
		if wrapped && isJSON(b) {
			return nil, nil, fmt.Errorf("%w: it has none", ErrPassword)
		}
		return openLocked(b, s)
	}
	if isGzip(b) {
		text, err := inflate(b, MaxArchiveSize)
		return text, nil, err
	}
	if !wrapped || !isJSON(b) {
		return nil, nil, fmt.Errorf("%w: it needs one, or is no archive", ErrPassword)
	}
	return b, nil, nil
}

func openLocked(b []byte, s Secret) ([]byte, *lock, error) {
	if len(b) < saltSize+cryptOverhead {
		return nil, nil, fmt.Errorf("%w: it ends after %d bytes", ErrArchive, len(b))
	}
	l, err := newLock(s, [saltSize]byte(b[:saltSize]))
	if err != nil {
		return nil, nil, err
	}
	packed, err := value.DecryptAES(b[saltSize:], l.key[:])
	if err != nil {
		return nil, nil, ErrPassword
	}
	text, err := inflate(packed, MaxArchiveSize)
	return text, l, err
}

// seal returns the container of text. Under a lock every call draws a fresh iv.
func (l *lock) seal(text []byte, rand io.Reader) ([]byte, error) {
	if l == nil {
		return deflate(text, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })
	}
	packed, err := deflate(text, func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) })
	if err != nil {
		return nil, err
	}
	crypt, err := value.EncryptAES(packed, l.key[:], rand)
	if err != nil {
		return nil, fmt.Errorf("identity: cannot lock the archive: %w", err)
	}
	return slices.Concat(l.salt[:], crypt), nil
}

func isGzip(b []byte) bool { return bytes.HasPrefix(b, []byte{0x1f, 0x8b, 0x08}) }

func isJSON(b []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(b), []byte{'{'}) }

// inflate unpacks a gzip or zlib stream of at most limit bytes.
func inflate(b []byte, limit int) ([]byte, error) {
	var r io.Reader
	var err error
	if isGzip(b) {
		r, err = gzip.NewReader(bytes.NewReader(b))
	} else {
		r, err = zlib.NewReader(bytes.NewReader(b))
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrArchive, err)
	}
	text, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrArchive, err)
	}
	if len(text) > limit {
		return nil, fmt.Errorf("%w: more than %d bytes when unpacked", ErrArchive, limit)
	}
	return text, nil
}

func deflate(text []byte, open func(io.Writer) io.WriteCloser) ([]byte, error) {
	var buf bytes.Buffer
	w := open(&buf)
	if _, err := w.Write(text); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}
