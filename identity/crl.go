package identity

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"

	"rollcall/dht/infohash"
	"rollcall/dht/value"
)

// ErrRevoked reports a device that its account has revoked.
var ErrRevoked = errors.New("identity: revoked")

// RevocationList is what an account says of the devices that are no longer
// its own (account spec 11). There is none that is not signed by its account.
// It is immutable.
//
//	CertificateList = SEQUENCE { TBS, signature algorithm, signature BIT STRING }
//	TBS             = SEQUENCE { version 1, signature algorithm, issuer,
//	                  this update, next update OPTIONAL,
//	                  SEQUENCE OF { serial, time, extensions OPTIONAL } OPTIONAL,
//	                  [0] extensions OPTIONAL }
type RevocationList struct {
	Raw        []byte   // DER of the whole
	Number     *big.Int // grows with every list of the account; of either sign
	ThisUpdate time.Time
	NextUpdate time.Time // zero when absent; a list is honoured after it, too
	Revoked    []Revocation

	account infohash.Hash
}

// Revocation is one entry of a RevocationList.
type Revocation struct {
	Serial *big.Int // of the device's certificate, of either sign
	Time   time.Time
}

// ParseRevocationList reads a DER list of at most MaxRevocationListSize bytes
// and checks that account signed it. The result aliases der.
func ParseRevocationList(der []byte, account *Certificate) (*RevocationList, error) {
	if len(der) > MaxRevocationListSize {
		return nil, fmt.Errorf("%w revocation list: %d bytes, want at most %d", ErrMalformed, len(der), MaxRevocationListSize)
	}
	outer, ok := readSigned(der)
	if !ok {
		return nil, malformed("revocation list")
	}
	l := &RevocationList{Raw: der, account: account.ID()}
	issuer, err := l.readTBS(outer)
	if err != nil {
		return nil, err
	}
	// What else the certificate says does not matter: whoever shows a chain may have had
	// another one made for the account's key, in which that may not sign lists.
	if !bytes.Equal(issuer.Raw, account.Subject.Raw) {
		return nil, fmt.Errorf("%w: revocation list of %q, not of account %s", ErrUntrusted, issuer.UID, l.account)
	}
	if err := checkStrength(account.public); err != nil {
		return nil, err
	}
	if err := outer.verify(account.public); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *RevocationList) readTBS(outer signed) (issuer Name, err error) {
	var tbs, algorithm cryptobyte.String
	var version int
	s := cryptobyte.String(outer.tbs)
	if !s.ReadASN1(&tbs, casn1.SEQUENCE) ||
		tbs.PeekASN1Tag(casn1.INTEGER) && (!tbs.ReadASN1Integer(&version) || version != 1) ||
		!tbs.ReadASN1Element(&algorithm, casn1.SEQUENCE) || !bytes.Equal(algorithm, outer.algorithm) {
		return issuer, malformed("revocation list: header")
	}
	var ok bool
	if issuer, ok = readName(&tbs); !ok {
		return issuer, malformed("revocation list: issuer")
	}
	if l.ThisUpdate, ok = readTime(&tbs); !ok {
		return issuer, malformed("revocation list: this update")
	}
	if tbs.PeekASN1Tag(casn1.UTCTime) || tbs.PeekASN1Tag(casn1.GeneralizedTime) {
		if l.NextUpdate, ok = readTime(&tbs); !ok {
			return issuer, malformed("revocation list: next update")
		}
	}
	if err := l.readEntries(&tbs); err != nil {
		return issuer, err
	}
	if err := readExtensions(&tbs, tagListExtensions, l.readExtension); err != nil {
		return issuer, err
	}
	if !tbs.Empty() {
		return issuer, malformed("revocation list: bytes after the extensions")
	}
	return issuer, nil
}

func (l *RevocationList) readEntries(tbs *cryptobyte.String) error {
	var entries, entry cryptobyte.String
	if !tbs.PeekASN1Tag(casn1.SEQUENCE) {
		return nil
	}
	if !tbs.ReadASN1(&entries, casn1.SEQUENCE) {
		return malformed("revocation list: entries")
	}
	for !entries.Empty() {
		var r Revocation
		if !entries.ReadASN1(&entry, casn1.SEQUENCE) {
			return malformed("revocation list: entry")
		}
		var ok bool
		if r.Serial, ok = readSerial(&entry); !ok {
			return malformed("revocation list: serial number")
		}
		// Entry extensions give a reason at most; any reason is good enough.
		if r.Time, ok = readTime(&entry); !ok || !entry.SkipOptionalASN1(casn1.SEQUENCE) || !entry.Empty() {
			return malformed("revocation list: entry")
		}
		l.Revoked = append(l.Revoked, r)
	}
	return nil
}

func (l *RevocationList) readExtension(e extension) error {
	switch {
	case e.oid.Equal(oidCRLNumber):
		var ok bool
		if l.Number, ok = readSerial(&e.value); !ok || !e.value.Empty() {
			return malformed("revocation list: number")
		}
	case e.critical:
		return fmt.Errorf("%w: revocation list with the unknown critical extension %s", ErrUntrusted, e.oid)
	}
	return nil
}

// newRevocationList signs a list of revoked devices.
func newRevocationList(account *Certificate, key *Key, number *big.Int, revoked []Revocation, now time.Time) (*RevocationList, error) {
	var b cryptobyte.Builder
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		addRSA512(b)
		b.AddBytes(account.Subject.Raw)
		addTime(b, now)
		addTime(b, account.NotAfter)
		b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for _, r := range revoked {
				b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1BigInt(r.Serial)
					addTime(b, r.Time)
				})
			}
		})
		b.AddASN1(tagListExtensions, func(b *cryptobyte.Builder) {
			b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
				addExtension(b, oidCRLNumber, false, func(b *cryptobyte.Builder) { b.AddASN1BigInt(number) })
			})
		})
	})
	tbs, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("identity: cannot encode a revocation list: %w", err)
	}
	der, err := appendSigned(key, tbs)
	if err != nil {
		return nil, fmt.Errorf("identity: cannot sign a revocation list: %w", err)
	}
	return ParseRevocationList(der, account)
}

// extend returns the list that follows l, with device revoked as well unless it
// is nil. A nil l stands before the first list of an account.
func (l *RevocationList) extend(account *Certificate, key *Key, device *Certificate, now time.Time, rand io.Reader) (*RevocationList, error) {
	var number *big.Int
	var revoked []Revocation
	if l != nil {
		number, revoked = l.Number, slices.Clone(l.Revoked)
	}
	if number == nil {
		var err error
		if number, err = newSerial(rand); err != nil {
			return nil, err
		}
	} else {
		number = new(big.Int).Add(number, big.NewInt(1))
	}
	if device != nil {
		revoked = append(revoked, Revocation{Serial: device.Serial, Time: now})
	}
	return newRevocationList(account, key, number, revoked, now)
}

// Account returns the id of the account that signed the list.
func (l *RevocationList) Account() infohash.Hash { return l.account }

// Revokes reports whether the list names the certificate of a device of its
// account.
func (l *RevocationList) Revokes(device *Certificate) bool {
	return slices.ContainsFunc(l.Revoked, func(r Revocation) bool { return r.Serial.Cmp(device.Serial) == 0 })
}

// Value returns the list as it is put, permanently, at the account id: unsigned
// user data, since the list carries its own signature. The ID is left to the
// putter.
func (l *RevocationList) Value() *value.Value {
	return &value.Value{Type: value.TypeUserData, Data: value.AppendRevocationList(nil, l.Raw)}
}
