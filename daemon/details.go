package daemon

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"

	"rollcall/identity/keyfile"
)

// Keys of details that mean something here; the others are kept for clients.
const (
	keyType        = "Account.type"
	keyEnable      = "Account.enable"
	keyHostname    = "Account.hostname"
	keyUsername    = "Account.username"
	keyDisplayName = "Account.displayName"
	keyDeviceName  = "Account.deviceName"
	keyHasPassword = "Account.archiveHasPassword"
	keyNameServer  = "RingNS.uri"
	keyStrangers   = "DHT.PublicInCalls" // may connect

	// Ways through a NAT.
	keyUPnP          = "Account.upnpEnabled"
	keyPublic        = "Account.publishedAddress"
	keyPublicSame    = "Account.publishedSameAsLocal" // it does not count
	keyRelay         = "TURN.enable"
	keyRelayServer   = "TURN.server"
	keyRelayUsername = "TURN.username"
	keyRelayPassword = "TURN.password"
	keyRelayRealm    = "TURN.realm"

	keyArchivePassword = "Account.archivePassword"
	keyArchivePath     = "Account.archivePath"
	keyArchivePIN      = "Account.archivePIN"

	keyCertificate = "TLS.certificateFile"
	keyPrivateKey  = "TLS.privateKeyFile"

	// These are no keys of clients and not given out.
	keyInvisible  = "Rollcall.invisible"
	keyNote       = "Rollcall.note"
	keyNoteUntil  = "Rollcall.noteUntil" // Unix milliseconds, or ""
	keyNotesBySIP = "Rollcall.notesBySIP"
)

// accountType is the type of the accounts that there are.
const accountType = "RING"

// publicBootstrap is the way into the public network that clients propose. It
// stands for [Config].Bootstrap where that is set.
const publicBootstrap = "bootstrap.jami.net"

// Limits of details.
const (
	maxDetail  = 64 << 10 // bytes of one value; the largest are pictures
	maxDetails = 1000
)

// template has the keys of an account with their defaults (dbus spec 3.1).
var template = Details{
	"Account.accountDiscovery":           "false",
	"Account.accountPublish":             "false",
	"Account.activeCallLimit":            "-1",
	"Account.alias":                      "",
	"Account.allModeratorEnabled":        "true",
	"Account.allowCertFromContact":       "true",
	"Account.allowCertFromHistory":       "true",
	"Account.allowCertFromTrusted":       "true",
	keyHasPassword:                       "true",
	"Account.audioPortMax":               "32766",
	"Account.audioPortMin":               "16384",
	"Account.autoAnswer":                 "false",
	"Account.defaultModerators":          "",
	keyDeviceName:                        "",
	"Account.dhtProxyListUrl":            "",
	keyDisplayName:                       "",
	"Account.dtmfType":                   "overrtp",
	keyEnable:                            "true",
	keyHostname:                          publicBootstrap,
	"Account.localInterface":             "default",
	"Account.localModeratorsEnabled":     "true",
	"Account.mailbox":                    "",
	"Account.managerUri":                 "",
	"Account.managerUsername":            "",
	"Account.peerDiscovery":              "false",
	"Account.presenceSubscribeSupported": "true",
	"Account.proxyEnabled":               "false",
	"Account.proxyServer":                "",
	keyPublic:                            "",
	keyPublicSame:                        "true",
	"Account.rendezVous":                 "false",
	"Account.ringtoneEnabled":            "true",
	"Account.ringtonePath":               "default.opus",
	"Account.sendReadReceipt":            "true",
	keyType:                              accountType,
	keyUPnP:                              "true",
	"Account.useragent":                  "",
	keyUsername:                          "",
	"Account.videoEnabled":               "true",
	"Account.videoPortMax":               "65534",
	"Account.videoPortMin":               "49152",
	keyStrangers:                         "false", // as peers since 2026
	"DHT.port":                           "0",
	keyNameServer:                        "",
	keyCertificate:                       "",
	"TLS.certificateListFile":            "",
	"TLS.password":                       "",
	keyPrivateKey:                        "",
	keyRelay:                             "true",
	keyRelayPassword:                     "",
	keyRelayRealm:                        "",
	keyRelayServer:                       "",
	keyRelayUsername:                     "",
}

// readOnly are the keys whose values are not the clients' to set.
var readOnly = []string{keyType, keyUsername, keyHasPassword, keyCertificate, keyPrivateKey}

// Template returns the settings of an account of a type ("RING") with their
// defaults; it is empty for types that are not supported.
func Template(kind string) Details {
	if kind != accountType {
		return Details{}
	}
	return maps.Clone(template)
}

// settable returns those of the given details that can be set. The error is an
// [InvalidError] for a value that an account cannot do without; other values that are
// none are passed over, as unknown keys are.
func settable(given Details) (Details, error) {
	if len(given) > maxDetails {
		return nil, &InvalidError{"details", strconv.Itoa(len(given)) + " keys", fmt.Sprintf("at most %d", maxDetails)}
	}
	set := make(Details)
	for _, key := range slices.Sorted(maps.Keys(given)) {
		value := given[key]
		if _, known := template[key]; !known || slices.Contains(readOnly, key) {
			continue
		}
		if len(value) > maxDetail {
			return nil, &InvalidError{key, strconv.Itoa(len(value)) + " bytes", fmt.Sprintf("at most %d", maxDetail)}
		}
		switch err := checkSetting(key, value); {
		case err == nil:
			set[key] = value
		case slices.Contains(vital, key):
			return nil, err
		}
	}
	return set, nil
}

// vital are the keys with which an account is or is not where its user wants it.
var vital = []string{keyEnable, keyHostname, keyRelayServer}

// CheckChanges returns an [InvalidError] for the first of changes, by the alphabet, that
// SetDetails would pass over: an unknown key, a read-only one that is to become
// something else than it is in present, or a value that the setting cannot have. Jami
// clients send back all details that they have read, and more, so that SetDetails cannot
// be as strict; whoever names single settings means each of them.
func CheckChanges(present, changes Details) error {
	for _, key := range slices.Sorted(maps.Keys(changes)) {
		value := changes[key]
		if _, known := template[key]; !known {
			return &InvalidError{"setting", key, "a key that accounts have"}
		}
		if slices.Contains(readOnly, key) {
			if value != present[key] {
				return &InvalidError{key, value, fmt.Sprintf("%q, which cannot be changed", present[key])}
			}
			continue
		}
		if err := checkSetting(key, value); err != nil && value != present[key] {
			return err
		}
	}
	return nil
}

// detailsLocked returns the settings of an account as clients see them.
func (h *hosted) detailsLocked() Details {
	details := maps.Clone(template)
	for key := range template {
		if value, ok := h.settings[key]; ok {
			details[key] = value
		}
	}
	details[keyUsername] = ""
	details[keyHasPassword] = strconv.FormatBool(h.locked)
	if h.keys != nil {
		details[keyUsername] = h.keys.Device.Account().String()
		details[keyCertificate] = filepath.Join(h.keys.Dir, keyfile.DeviceChain)
		details[keyPrivateKey] = filepath.Join(h.keys.Dir, keyfile.DeviceKey)
	}
	return details
}

// volatileLocked returns the state of an account as clients see it (dbus spec 3.2).
func (h *hosted) volatileLocked() Details {
	details := Details{
		"Account.active":              strconv.FormatBool(h.active),
		"Account.deviceAnnounced":     strconv.FormatBool(h.announced),
		"Account.proxyServer":         "",
		"Account.registrationStatus":  string(h.state),
		"IM.offCall":                  "true",
		"Transport.statusCode":        "100",
		"Transport.statusDescription": "",
	}
	if h.keys != nil && h.state != Initializing {
		details["Account.deviceID"] = h.keys.Device.LongID().String()
	}
	return details
}
