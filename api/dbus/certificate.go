package dbus

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/x509"
	"encoding/hex"
	"math/big"
	"strconv"
	"strings"
	"time"

	"rollcall/daemon"
)

func (f *face) certificates() []handler {
	return []handler{
		{"getCertificatesByStatus", f.getCertificatesByStatus},
		{"getPinnedCertificates", func() []string { return f.getPinnedCertificates("") }},
		{"getPinnedCertificates", f.getPinnedCertificates},
		{"getCertificateDetails", func(id string) map[string]string { return f.getCertificateDetails("", id) }},
		{"getCertificateDetails", f.getCertificateDetails},
		{"getCertificateDetailsPath", func(path, key, password string) map[string]string {
			return f.getCertificateDetailsPath("", path, key, password)
		}},
		{"getCertificateDetailsPath", f.getCertificateDetailsPath},
		{"validateCertificate", f.validateCertificate},
		{"validateCertificatePath", f.validateCertificatePath},
	}
}

// getCertificatesByStatus returns whom the user has decided about: certificates
// of accounts bear their ids.
func (f *face) getCertificatesByStatus(id daemon.AccountID, status string) []string {
	var ids []string
	for _, c := range known(f.daemon.Contacts(id)) {
		if c.Active && status == "ALLOWED" || c.Banned && status == "BANNED" {
			ids = append(ids, c.Peer.String())
		}
	}
	return ids
}

// getPinnedCertificates returns both ids of the certificates that are always at hand.
func (f *face) getPinnedCertificates(id daemon.AccountID) []string {
	var ids []string
	for _, chain := range known(f.daemon.OwnCertificates(id)) {
		for _, c := range chain {
			ids = append(ids, c.LongID().String(), c.ID().String())
		}
	}
	return ids
}

func (f *face) getCertificateDetails(id daemon.AccountID, certificate string) map[string]string {
	c, err := f.daemon.Certificate(id, certificate)
	if !f.ok("getCertificateDetails", err) {
		return nil
	}
	return certificateDetails(c)
}

// getCertificateDetailsPath reads files of the caller, who is the user. Keys under a
// password are not opened.
func (f *face) getCertificateDetailsPath(id daemon.AccountID, path, key, _ string) map[string]string {
	c, err := f.daemon.CertificateFile(id, path, key)
	if !f.ok("getCertificateDetailsPath", err) {
		return nil
	}
	return certificateDetails(c)
}

func (f *face) validateCertificate(id daemon.AccountID, certificate string) map[string]string {
	if id == "" {
		return certificateChecks(daemon.Certificate{}, daemon.ErrUnknownAccount, time.Now())
	}
	c, err := f.daemon.Certificate(id, certificate)
	f.ok("validateCertificate", err)
	return certificateChecks(c, err, time.Now())
}

func (f *face) validateCertificatePath(id daemon.AccountID, path, key, _, _ string) map[string]string {
	c, err := f.daemon.CertificateFile(id, path, key)
	f.ok("validateCertificatePath", err)
	return certificateChecks(c, err, time.Now())
}

// What a check comes to, and what stands for a detail that there is not.
const (
	passed      = "PASSED"
	failed      = "FAILED"
	unsupported = "UNSUPPORTED"
)

func verdict(ok bool) string {
	if ok {
		return passed
	}
	return failed
}

// certificateDetails describes a certificate by the keys of daemons of 2023.
func certificateDetails(c daemon.Certificate) map[string]string {
	sha, md := sha1.Sum(c.Raw), md5.Sum(c.Raw)
	details := map[string]string{
		"ACTIVATION_DATE":              c.NotBefore.Format(time.DateOnly),
		"EXPIRATION_DATE":              c.NotAfter.Format(time.DateOnly),
		"CN":                           c.Subject.CommonName,
		"N":                            unsupported,
		"O":                            unsupported,
		"ISSUER":                       c.Issuer.UID,
		"ISSUER_DN":                    "CN=" + c.Issuer.CommonName + ",UID=" + c.Issuer.UID,
		"IS_CA":                        strconv.FormatBool(c.IsCA),
		"PUBLIC_KEY_ID":                c.ID().String(),
		"SERIAL_NUMBER":                serialText(c.Serial),
		"SHA1_FINGERPRINT":             hex.EncodeToString(sha[:]),
		"MD5_FINGERPRINT":              hex.EncodeToString(md[:]),
		"PUBLIC_SIGNATURE":             unsupported,
		"SIGNATURE_ALGORITHM":          unsupported,
		"SUBJECT_KEY_ALGORITHM":        unsupported,
		"VERSION_NUMBER":               unsupported,
		"OUTGOING_SERVER":              "",
		"NEXT_EXPECTED_UPDATE_DATE":    unsupported,
		"REQUIRE_PRIVATE_KEY_PASSWORD": failed,
	}
	if x, err := x509.ParseCertificate(c.Raw); err == nil {
		details["PUBLIC_SIGNATURE"] = hex.EncodeToString(x.Signature)
		details["SIGNATURE_ALGORITHM"] = algorithmText(x.SignatureAlgorithm)
		details["SUBJECT_KEY_ALGORITHM"] = x.PublicKeyAlgorithm.String()
		details["VERSION_NUMBER"] = strconv.Itoa(x.Version)
	}
	return details
}

// serialText returns the bytes of a serial number, which may be negative, in
// hexadecimal digits.
func serialText(n *big.Int) string {
	if n.Sign() < 0 {
		bits := uint(new(big.Int).Not(n).BitLen()/8+1) * 8
		n = new(big.Int).Add(n, new(big.Int).Lsh(big.NewInt(1), bits))
	}
	return hex.EncodeToString(n.Bytes())
}

// algorithmText puts the key's algorithm before the hash, as clients know it.
func algorithmText(a x509.SignatureAlgorithm) string {
	if hash, ok := strings.CutSuffix(a.String(), "-RSA"); ok {
		return "RSA-" + hash
	}
	return a.String()
}

// unsupportedChecks are what is not looked at here: where files lie, who may read
// them, and whether a host name fits.
var unsupportedChecks = []string{
	"PRIVATEKEY_DIRECTORY_PERMISSIONS", "PRIVATE_KEY_SELINUX_ATTRIBUTES", "PRIVATE_KEY_STORAGE_LOCATION",
	"PRIVATE_KEY_STORAGE_PERMISSION", "PUBLICKEY_DIRECTORY_PERMISSIONS", "PUBLIC_KEY_SELINUX_ATTRIBUTES",
	"PUBLIC_KEY_STORAGE_LOCATION", "PUBLIC_KEY_STORAGE_PERMISSION", "UNEXPECTED_OWNER",
}

// certificateChecks says what a certificate passes, by the keys of daemons of 2023.
// err is why there is none.
func certificateChecks(c daemon.Certificate, err error, now time.Time) map[string]string {
	if err != nil {
		return map[string]string{"EXIST": failed}
	}
	checks := map[string]string{
		"EXIST":              passed,
		"VALID":              verdict(c.Invalid == nil),
		"EXPIRED":            verdict(!now.After(c.NotAfter)),
		"NOT_ACTIVATED":      verdict(!now.Before(c.NotBefore)),
		"NOT_REVOKED":        verdict(!c.Revoked),
		"NOT_SELF_SIGNED":    verdict(!c.SelfIssued()),
		"KNOWN_AUTHORITY":    verdict(c.Trusted),
		"VALID_AUTHORITY":    verdict(c.Trusted && c.Invalid == nil),
		"AUTHORITY_MISMATCH": verdict(c.IssuedBy != nil && bytes.Equal(c.Issuer.Raw, c.IssuedBy.Subject.Raw)),
		"STRONG_SIGNING":     verdict(strongSigning(c)),
		"HAS_PRIVATE_KEY":    verdict(c.HasKey),
		"KEY_MATCH":          unsupported,
	}
	if c.HasKey {
		checks["KEY_MATCH"] = passed
	}
	for _, name := range unsupportedChecks {
		checks[name] = unsupported
	}
	return checks
}

// strongSigning reports whether the signature is by a hash that nobody forges.
func strongSigning(c daemon.Certificate) bool {
	x, err := x509.ParseCertificate(c.Raw)
	if err != nil {
		return false
	}
	switch x.SignatureAlgorithm {
	case x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA, x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512:
		return true
	}
	return false
}
