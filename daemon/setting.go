package daemon

import (
	"math"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"rollcall/names"
	"rollcall/nat/relay"
)

// form is what the value of a setting looks like.
type form struct {
	want  string
	valid func(string) bool
}

var (
	plainForm  = form{"text", isText}
	switchForm = form{"true or false", func(s string) bool { return s == "true" || s == "false" }}
	portForm   = form{"a port from 1 to 65535", func(s string) bool { return number(s, 1, math.MaxUint16) }}
)

// forms are those of settings that are neither switches nor any text, whether they mean
// something here or only to clients.
var forms = map[string]form{
	"Account.activeCallLimit": {"a number of calls, or -1 for any", func(s string) bool { return number(s, -1, math.MaxInt32) }},
	"Account.audioPortMax":    portForm,
	"Account.audioPortMin":    portForm,
	"Account.dtmfType":        {"overrtp or sipinfo", func(s string) bool { return s == "overrtp" || s == "sipinfo" }},
	"Account.videoPortMax":    portForm,
	"Account.videoPortMin":    portForm,
	"DHT.port":                {"a port up to 65535, or 0 for any", func(s string) bool { return number(s, 0, math.MaxUint16) }},
	keyHostname:               {"HOST or HOST:PORT, several separated by semicolons", validHostname},
	keyNameServer:             {"a host name, a URL with http or https, or nothing", func(s string) bool { return s == "" || names.CheckServer(s) == nil }},
	keyPublic:                 {"an IP address, or nothing", validAddress},
	keyRelayServer:            {"HOST or HOST:PORT, or nothing", func(s string) bool { return s == "" || relay.Server{Addr: s}.Validate() == nil }},
}

// formOf returns the form of a known setting: what is a switch by default stays one.
func formOf(key string) form {
	if f, ok := forms[key]; ok {
		return f
	}
	if switchForm.valid(template[key]) {
		return switchForm
	}
	return plainForm
}

// checkSetting returns an [InvalidError] for a value that a known setting cannot have.
func checkSetting(key, value string) error {
	if f := formOf(key); !isText(value) || !f.valid(value) {
		return &InvalidError{key, value, f.want}
	}
	return nil
}

// isText is what clients can be sent: D-Bus has no zero bytes.
func isText(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

func number(s string, least, most int64) bool {
	n, err := strconv.ParseInt(s, 10, 64)
	return err == nil && n >= least && n <= most
}

func validAddress(s string) bool {
	_, err := netip.ParseAddr(s)
	return s == "" || err == nil
}

func validHostname(hostname string) bool {
	for _, name := range splitBootstrap(hostname) {
		if !validBootstrap(name) {
			return false
		}
	}
	return true
}

// splitBootstrap reads the list of nodes in Account.hostname.
func splitBootstrap(hostname string) []string {
	return strings.FieldsFunc(hostname, func(r rune) bool { return r == ';' || r == ',' || r == ' ' || r == '\t' })
}

func validBootstrap(name string) bool {
	host, port, err := net.SplitHostPort(name)
	if err != nil {
		return !strings.ContainsAny(name, "/@")
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return host != "" && err == nil && n > 0
}
