package identity

import (
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// ErrMalformed reports bytes that are not the DER or PEM structure that was
// asked for.
var ErrMalformed = errors.New("identity: malformed")

func malformed(what string) error { return fmt.Errorf("%w %s", ErrMalformed, what) }

var (
	tagVersion        = casn1.Tag(0).Constructed().ContextSpecific()
	tagIssuerUnique   = casn1.Tag(1).ContextSpecific()
	tagSubjectUnique  = casn1.Tag(2).ContextSpecific()
	tagCertExtensions = casn1.Tag(3).Constructed().ContextSpecific()
	tagListExtensions = casn1.Tag(0).Constructed().ContextSpecific()
)

// Name is a distinguished name. Raw is its DER; issuers are matched by it, byte
// for byte. CommonName and UID are the first attributes of their kind, empty
// when absent.
type Name struct {
	Raw        []byte
	CommonName string
	UID        string
}

func newName(commonName, uid string) Name {
	var b cryptobyte.Builder
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		addAttribute(b, oidCommonName, commonName)
		addAttribute(b, oidUID, uid)
	})
	return Name{Raw: b.BytesOrPanic(), CommonName: commonName, UID: uid}
}

func addAttribute(b *cryptobyte.Builder, oid asn1.ObjectIdentifier, text string) {
	b.AddASN1(casn1.SET, func(b *cryptobyte.Builder) {
		b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oid)
			b.AddASN1(casn1.PrintableString, func(b *cryptobyte.Builder) { b.AddBytes([]byte(text)) })
		})
	})
}

// readName reads one RDNSequence. Attributes of unknown kinds, and of known
// kinds in a character set other than UTF-8 or ASCII, are passed over.
func readName(s *cryptobyte.String) (Name, bool) {
	var n Name
	var raw, rdns cryptobyte.String
	if !s.ReadASN1Element(&raw, casn1.SEQUENCE) {
		return n, false
	}
	n.Raw = raw
	if !raw.ReadASN1(&rdns, casn1.SEQUENCE) {
		return n, false
	}
	for !rdns.Empty() {
		var set cryptobyte.String
		if !rdns.ReadASN1(&set, casn1.SET) {
			return n, false
		}
		for !set.Empty() {
			var attr, text cryptobyte.String
			var oid asn1.ObjectIdentifier
			var tag casn1.Tag
			if !set.ReadASN1(&attr, casn1.SEQUENCE) || !attr.ReadASN1ObjectIdentifier(&oid) ||
				!attr.ReadAnyASN1(&text, &tag) || !attr.Empty() {
				return n, false
			}
			n.set(oid, tag, text)
		}
	}
	return n, true
}

func (n *Name) set(oid asn1.ObjectIdentifier, tag casn1.Tag, text []byte) {
	if tag != casn1.PrintableString && tag != casn1.UTF8String && tag != casn1.IA5String || !utf8.Valid(text) {
		return
	}
	switch {
	case oid.Equal(oidCommonName) && n.CommonName == "":
		n.CommonName = string(text)
	case oid.Equal(oidUID) && n.UID == "":
		n.UID = string(text)
	}
}

// readSerial reads an INTEGER of either sign: older daemons write eight random
// bytes, whose first bit is then the sign.
func readSerial(s *cryptobyte.String) (*big.Int, bool) {
	var body cryptobyte.String
	peek := *s
	if !peek.ReadASN1(&body, casn1.INTEGER) || len(body) > maxSerialSize {
		return nil, false
	}
	n := new(big.Int)
	return n, s.ReadASN1Integer(n)
}

func readTime(s *cryptobyte.String) (time.Time, bool) {
	var t time.Time
	if s.PeekASN1Tag(casn1.UTCTime) {
		return t, s.ReadASN1UTCTime(&t)
	}
	return t, s.ReadASN1GeneralizedTime(&t)
}

// addTime writes the form that RFC 5280 4.1.2.5 demands for the year of t.
func addTime(b *cryptobyte.Builder, t time.Time) {
	if t = t.UTC(); t.Year() < 2050 {
		b.AddASN1UTCTime(t)
		return
	}
	b.AddASN1GeneralizedTime(t)
}

// extension is one X.509 extension; value is the content of its OCTET STRING.
type extension struct {
	oid      asn1.ObjectIdentifier
	critical bool
	value    cryptobyte.String
}

// readExtensions reads the extensions under an explicit tag, calling f for
// each, and refuses an extension that is there twice.
func readExtensions(s *cryptobyte.String, tag casn1.Tag, f func(extension) error) error {
	var outer, list cryptobyte.String
	var present bool
	if !s.ReadOptionalASN1(&outer, &present, tag) {
		return malformed("extensions")
	}
	if !present {
		return nil
	}
	if !outer.ReadASN1(&list, casn1.SEQUENCE) || !outer.Empty() {
		return malformed("extensions")
	}
	seen := make(map[string]bool)
	for !list.Empty() {
		var one cryptobyte.String
		var e extension
		if !list.ReadASN1(&one, casn1.SEQUENCE) || !one.ReadASN1ObjectIdentifier(&e.oid) ||
			one.PeekASN1Tag(casn1.BOOLEAN) && !one.ReadASN1Boolean(&e.critical) ||
			!one.ReadASN1(&e.value, casn1.OCTET_STRING) || !one.Empty() {
			return malformed("extension")
		}
		name := e.oid.String()
		if seen[name] {
			return malformed("extensions: " + name + " is there twice")
		}
		seen[name] = true
		if err := f(e); err != nil {
			return err
		}
	}
	return nil
}

func addExtension(b *cryptobyte.Builder, oid asn1.ObjectIdentifier, critical bool, value cryptobyte.BuilderContinuation) {
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oid)
		if critical {
			b.AddASN1Boolean(true)
		}
		b.AddASN1(casn1.OCTET_STRING, value)
	})
}
