package dbus

import "rollcall/daemon"

func (f *face) certificates() []handler {
	return []handler{
		{"getCertificatesByStatus", f.getCertificatesByStatus},
		{"validateCertificate", validateCertificate},
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

// validateCertificate answers as for a certificate that is not in the store:
// clients have no way to put one in.
func validateCertificate(daemon.AccountID, string) map[string]string {
	return map[string]string{"EXIST": "FAILED"}
}
