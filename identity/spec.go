package identity

import (
	"encoding/asn1"
	"time"
)

// KeyBits is the size of every key of an account (account spec 2).
const KeyBits = 4096

// validity is the life of every certificate: ten years of 365 days.
const validity = 10 * 365 * 24 * time.Hour

// Common names of the three levels.
const (
	nameCA      = "Jami CA"
	nameAccount = "Jami"
	nameDevice  = "Jami device"
)

// The container of a locked archive (account spec 3.1).
const (
	saltSize      = 16
	archiveKeyLen = 32
	cryptOverhead = 12 + 16 // iv and tag
)

var (
	oidCommonName = asn1.ObjectIdentifier{2, 5, 4, 3}
	oidUID        = asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 1}

	oidSubjectKeyID     = asn1.ObjectIdentifier{2, 5, 29, 14}
	oidKeyUsage         = asn1.ObjectIdentifier{2, 5, 29, 15}
	oidBasicConstraints = asn1.ObjectIdentifier{2, 5, 29, 19}
	oidCRLNumber        = asn1.ObjectIdentifier{2, 5, 29, 20}

	oidEC       = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	oidP256     = asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}
	oidP384     = asn1.ObjectIdentifier{1, 3, 132, 0, 34}
	oidP521     = asn1.ObjectIdentifier{1, 3, 132, 0, 35}
	oidRSA256   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}
	oidRSA384   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 12}
	oidRSA512   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 13}
	oidECDSA256 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
	oidECDSA384 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 3}
	oidECDSA512 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 4}
)
