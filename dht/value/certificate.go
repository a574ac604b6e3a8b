package value

import (
	"bytes"
	"encoding/pem"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"rollcall/dht/infohash"
	"rollcall/internal/msgpack"
)

// Certificate is an X.509 certificate of which only the public key was read.
// Unlike crypto/x509 it is indifferent to the serial number, which is negative in
// half of the certificates that OpenDHT 2 made. Nothing is verified. Its fields
// alias the bytes it was parsed from.
type Certificate struct {
	Raw  []byte // DER
	SPKI []byte // DER SubjectPublicKeyInfo
}

// KeyID returns the 20-byte id of the certificate: that of its key.
func (c Certificate) KeyID() infohash.Hash { return KeyID(c.SPKI) }

// LongID returns the 32-byte id of the certificate: that of its key.
func (c Certificate) LongID() LongID { return KeyLongID(c.SPKI) }

// ParseCertificate reads a DER certificate that fills b.
func ParseCertificate(b []byte) (Certificate, error) {
	c, rest, err := nextCertificate(b)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%w: %d bytes after the certificate", ErrMalformed, len(rest))
	}
	if err != nil {
		return Certificate{}, err
	}
	return c, nil
}

// nextCertificate reads the DER certificate at the start of b (RFC 5280, 4.1).
//
//	Certificate    = SEQUENCE { TBSCertificate, algorithm, BIT STRING signature }
//	TBSCertificate = SEQUENCE { [0] version?, INTEGER serial, SEQUENCE algorithm,
//	                 SEQUENCE issuer, SEQUENCE validity, SEQUENCE subject,
//	                 SEQUENCE subjectPublicKeyInfo, ... }
func nextCertificate(b []byte) (c Certificate, rest []byte, err error) {
	in := cryptobyte.String(b)
	var raw, outer, tbs, spki cryptobyte.String
	if !in.ReadASN1Element(&raw, asn1.SEQUENCE) {
		return c, nil, errBadCertificate
	}
	if len(raw) > MaxCertificateSize {
		return c, nil, fmt.Errorf("%w: certificate of %d bytes, at most %d", ErrTooLarge, len(raw), MaxCertificateSize)
	}
	body := raw
	ok := body.ReadASN1(&outer, asn1.SEQUENCE) &&
		outer.ReadASN1(&tbs, asn1.SEQUENCE) &&
		outer.SkipASN1(asn1.SEQUENCE) && outer.SkipASN1(asn1.BIT_STRING) && outer.Empty() &&
		tbs.SkipOptionalASN1(asn1.Tag(0).Constructed().ContextSpecific()) &&
		tbs.SkipASN1(asn1.INTEGER) &&
		tbs.SkipASN1(asn1.SEQUENCE) && tbs.SkipASN1(asn1.SEQUENCE) &&
		tbs.SkipASN1(asn1.SEQUENCE) && tbs.SkipASN1(asn1.SEQUENCE) &&
		tbs.ReadASN1Element(&spki, asn1.SEQUENCE)
	if !ok || !wellFormedSPKI(spki) {
		return c, nil, errBadCertificate
	}
	return Certificate{Raw: raw, SPKI: spki}, in, nil
}

var errBadCertificate = fmt.Errorf("%w: not an X.509 certificate", ErrMalformed)

// AppendChain appends the payload of a certificate value (opendht spec 5.6): a
// bin of PEM certificates. chain holds DER certificates, the leaf first, each
// followed by its issuer.
func AppendChain(b []byte, chain [][]byte) []byte {
	var text []byte
	for _, der := range chain {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: pemCertificate, Bytes: der})...)
	}
	return msgpack.AppendBin(b, text)
}

// ParseChain reads the payload of a certificate value, leaf first, at most
// MaxChainLength certificates: a bin around PEM or DER, or either of them bare.
func ParseChain(data []byte) ([]Certificate, error) {
	var chain []Certificate
	rest, isPEM := certificateText(data)
	for len(rest) > 0 {
		c, after, err := nextInChain(rest, isPEM)
		if err != nil {
			return nil, err
		}
		if len(chain) == MaxChainLength {
			return nil, fmt.Errorf("%w: chain of more than %d certificates", ErrTooLarge, MaxChainLength)
		}
		chain = append(chain, c)
		rest = after
	}
	if len(chain) == 0 {
		return nil, errBadCertificate
	}
	return chain, nil
}

// ParseLeaf reads the first certificate of the payload of a certificate value.
// The others are not looked at.
func ParseLeaf(data []byte) (Certificate, error) {
	c, _, err := nextInChain(certificateText(data))
	return c, err
}

const (
	pemCertificate = "CERTIFICATE"
	pemBegin       = "-----BEGIN " + pemCertificate + "-----"
)

// certificateText takes the certificates out of the payload of a certificate
// value. The bin around them is removed first: a PEM reader that meets its header
// in front of the first certificate passes over it, and with it over the leaf. PEM
// begins at its first boundary, whatever stands before.
func certificateText(data []byte) (text []byte, isPEM bool) {
	if r := msgpack.NewReader(data); r.Kind() == msgpack.KindBin {
		if inner := r.Bin(); r.Err() == nil {
			data = inner
		}
	}
	if i := bytes.Index(data, []byte(pemBegin)); i >= 0 {
		return data[i:], true
	}
	return data, false
}

// nextInChain reads the first certificate of text. The rest begins with the next
// one, or is empty.
func nextInChain(text []byte, isPEM bool) (Certificate, []byte, error) {
	if !isPEM {
		return nextCertificate(text)
	}
	const encodedMax = MaxCertificateSize*3/2 + 256 // base64 with line ends, and the boundaries
	end := bytes.Index(text, []byte("-----END "))
	if end < 0 {
		return Certificate{}, nil, errBadCertificate
	}
	if end > encodedMax {
		return Certificate{}, nil, fmt.Errorf("%w: certificate of %d bytes of PEM", ErrTooLarge, end)
	}
	block, rest := pem.Decode(text)
	if block == nil || block.Type != pemCertificate {
		return Certificate{}, nil, errBadCertificate
	}
	c, err := ParseCertificate(block.Bytes)
	if err != nil {
		return Certificate{}, nil, err
	}
	next := bytes.Index(rest, []byte(pemBegin))
	if next < 0 {
		return c, nil, nil
	}
	return c, rest[next:], nil
}
