//go:build peers

package dbus

import (
	"fmt"
	"testing"
)

// TestCertificates asks for the certificates of an account (dbus spec 2.5): all daemons
// describe them by the same keys, and find nothing wrong with them.
func TestCertificates(t *testing.T) {
	everyAccount(t, func(s *script) {
		account := s.details("getAccountDetails", s.account.ID)
		device := s.details("getVolatileAccountDetails", s.account.ID)["Account.deviceID"]
		details := s.details("getCertificateDetails", device)
		s.holds(details, "CN=Jami device", "IS_CA=false", "ISSUER="+s.account.URI, "ISSUER_DN=CN=Jami,UID="+s.account.URI,
			"O=UNSUPPORTED", "SUBJECT_KEY_ALGORITHM=RSA", "VERSION_NUMBER=3", "REQUIRE_PRIVATE_KEY_PASSWORD=FAILED")
		if by := s.details("getCertificateDetailsPath", account["TLS.certificateFile"], "", ""); fmt.Sprint(by) != fmt.Sprint(details) {
			s.t.Errorf("by its file: %q, by its id: %q", by, details)
		}
		s.holds(s.details("getCertificateDetails", s.account.URI), "CN=Jami", "IS_CA=true", "PUBLIC_KEY_ID="+s.account.URI)

		checks := s.details("validateCertificatePath", s.account.ID, account["TLS.certificateFile"], account["TLS.privateKeyFile"], "", "")
		s.holds(checks, "EXIST=PASSED", "VALID=PASSED", "EXPIRED=PASSED", "NOT_ACTIVATED=PASSED", "NOT_REVOKED=PASSED",
			"AUTHORITY_MISMATCH=PASSED", "STRONG_SIGNING=PASSED", "HAS_PRIVATE_KEY=PASSED", "KEY_MATCH=PASSED")
		if len(details) != 19 || len(checks) != 21 {
			s.t.Errorf("%d details, %d checks: %q, %q", len(details), len(checks), details, checks)
		}
	})
}
