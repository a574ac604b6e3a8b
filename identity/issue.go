package identity

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"

	"rollcall/dht/infohash"
)

// subject is what a new certificate says of its holder.
type subject struct {
	commonName string
	spki       []byte
	id         infohash.Hash
	authority  bool // may issue: gets the extensions of the first two levels
}

func subjectOf(commonName string, key *Key, authority bool) subject {
	return subject{commonName: commonName, spki: key.spki, id: key.id, authority: authority}
}

// issue makes a certificate for s (account spec 2), signed by key in the name
// of issuer, which lasts from now for ten years.
func issue(s subject, issuer Name, key *Key, now time.Time, rand io.Reader) (*Certificate, error) {
	serial, err := newSerial(rand)
	if err != nil {
		return nil, err
	}
	var b cryptobyte.Builder
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(tagVersion, func(b *cryptobyte.Builder) { b.AddASN1Int64(2) })
		b.AddASN1BigInt(serial)
		addRSA512(b)
		b.AddBytes(issuer.Raw)
		b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
			addTime(b, now)
			addTime(b, now.Add(validity))
		})
		b.AddBytes(newName(s.commonName, s.id.String()).Raw)
		b.AddBytes(s.spki)
		if s.authority {
			b.AddASN1(tagCertExtensions, func(b *cryptobyte.Builder) {
				b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) { addAuthorityExtensions(b, s.id) })
			})
		}
	})
	tbs, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("identity: cannot encode a certificate: %w", err)
	}
	der, err := appendSigned(key, tbs)
	if err != nil {
		return nil, fmt.Errorf("identity: cannot sign a certificate: %w", err)
	}
	return ParseCertificate(der)
}

// addAuthorityExtensions writes what the two upper levels carry, in the order
// of real certificates. Devices carry no extension: a key usage would make
// peers refuse the device's TLS handshake.
func addAuthorityExtensions(b *cryptobyte.Builder, id infohash.Hash) {
	addExtension(b, oidSubjectKeyID, false, func(b *cryptobyte.Builder) {
		b.AddASN1OctetString(id[:])
	})
	addExtension(b, oidBasicConstraints, true, func(b *cryptobyte.Builder) {
		b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1Boolean(true) })
	})
	addExtension(b, oidKeyUsage, true, func(b *cryptobyte.Builder) {
		b.AddASN1(casn1.BIT_STRING, func(b *cryptobyte.Builder) {
			const unusedBits, certSignAndCRLSign = 1, 1<<(7-usageCertSign) | 1<<(7-usageCRLSign)
			b.AddUint8(unusedBits)
			b.AddUint8(certSignAndCRLSign)
		})
	})
}

// newSerial draws a serial or list number of at most 63 bits: positive, as RFC
// 5280 demands, and not zero.
func newSerial(rand io.Reader) (*big.Int, error) {
	var b [8]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return nil, fmt.Errorf("identity: cannot draw a serial number: %w", err)
	}
	n := binary.BigEndian.Uint64(b[:]) &^ (1 << 63)
	return new(big.Int).SetUint64(max(n, 1)), nil
}
