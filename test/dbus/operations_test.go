//go:build peers

package dbus

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"rollcall/test/peers"
)

// script runs steps against one daemon.
type script struct {
	t       *testing.T
	ctx     context.Context
	account *peers.Account
	client  *dbus.Conn
	mark    int // signals before the last call
}

// everyAccount runs a script against an account on a daemon of every implementation.
func everyAccount(t *testing.T, run func(s *script)) {
	everyKind(t, func(t *testing.T, ctx context.Context, kind peers.DaemonKind) {
		account := start(t, ctx, kind)
		run(&script{t: t, ctx: ctx, account: account, client: connect(t, account.Daemon)})
	})
}

// does calls a method of the account and compares the results, as fmt prints them.
func (s *script) does(object, method, want string, args ...any) {
	s.t.Helper()
	s.mark = s.account.Mark()
	got, err := call(s.ctx, s.client, object, method, append([]any{s.account.ID}, args...)...)
	if err != nil || fmt.Sprint(got) != want {
		s.t.Errorf("%s%q: %v, %v, want %s", method, args, got, err, want)
	}
}

func (s *script) configures(method, want string, args ...any) {
	s.t.Helper()
	s.does("ConfigurationManager", method, want, args...)
}

// signals waits for a signal of the last call.
func (s *script) signals(name string, args ...any) {
	s.t.Helper()
	if _, err := s.account.WaitSignal(s.ctx, s.mark, name, args...); err != nil {
		s.t.Fatal(err)
	}
}

// details calls a method that returns a map.
func (s *script) details(method string, args ...any) (details map[string]string) {
	s.t.Helper()
	if err := s.account.Call(s.ctx, "ConfigurationManager", method, args, []any{&details}); err != nil {
		s.t.Fatal(err)
	}
	return details
}

// holds compares some keys of a map; "" also stands for an absent one.
func (s *script) holds(details map[string]string, want ...string) {
	s.t.Helper()
	for _, pair := range want {
		key, value, _ := strings.Cut(pair, "=")
		if details[key] != value {
			s.t.Errorf("%s is %q, want %q, among %q", key, details[key], value, details)
		}
	}
}

// TestContactOperations adds, accepts, bans and removes (dbus spec 2.3).
func TestContactOperations(t *testing.T) {
	everyAccount(t, func(s *script) {
		id := s.account.ID
		s.configures("addContact", "[]", strings.ToUpper(stranger))
		s.signals("contactAdded", id, stranger, false)
		s.holds(s.details("getContactDetails", id, stranger), "id="+stranger, "confirmed=false", "banned=")

		s.configures("acceptTrustRequest", "[true]", stranger)
		s.signals("contactAdded", id, stranger, true)
		s.configures("acceptTrustRequest", "[false]", stranger)
		s.holds(s.details("getContactDetails", id, stranger), "confirmed=true")

		s.configures("removeContact", "[]", stranger, true)
		s.signals("contactRemoved", id, stranger, true)
		s.holds(s.details("getContactDetails", id, stranger), "id="+stranger, "banned=true", "confirmed=")
		contacts, err := s.account.Contacts(s.ctx)
		if err != nil || len(contacts) != 1 || contacts[0]["banned"] != "true" {
			s.t.Errorf("contacts %q, %v", contacts, err)
		}

		s.configures("addContact", "[]", stranger)
		s.signals("contactAdded", id, stranger)
		s.holds(s.details("getContactDetails", id, stranger), "banned=")
		s.configures("removeContact", "[]", stranger, false)
		s.signals("contactRemoved", id, stranger, false)
		if details := s.details("getContactDetails", id, stranger); len(details) != 0 {
			s.t.Errorf("details of a removed contact: %q", details)
		}

		s.configures("removeContact", "[]", other, true)
		s.signals("contactRemoved", id, other, true)
		s.holds(s.details("getContactDetails", id, other), "added=0", "banned=true")

		s.configures("addContact", "[]", other+strings.Repeat("0", 24))
		s.signals("contactAdded", id, other)
		s.configures("sendTrustRequest", "[]", stranger, []byte("BEGIN:VCARD"))
		s.signals("contactAdded", id, stranger, false)
	})
}

// TestSubscriptions is the list of the followed accounts (dbus spec 2.6).
func TestSubscriptions(t *testing.T) {
	everyAccount(t, func(s *script) {
		row := func(uri string) string { return "map[Buddy:" + uri + " Status:Offline]" }
		for _, uri := range []string{stranger, stranger, "ring:" + stranger, "xyz", ""} {
			s.does("PresenceManager", "subscribeBuddy", "[]", uri, true)
		}
		s.does("PresenceManager", "getSubscriptions", "[["+row(stranger)+"]]")
		s.does("PresenceManager", "setSubscriptions", "[]", []string{other})
		s.does("PresenceManager", "getSubscriptions", "[["+row(stranger)+" "+row(other)+"]]")
		s.does("PresenceManager", "subscribeBuddy", "[]", stranger, false)
		s.does("PresenceManager", "getSubscriptions", "[["+row(other)+"]]")
		s.does("PresenceManager", "subscribeBuddy", "[]", s.account.URI, true)
		s.signals("newBuddyNotification", s.account.ID, s.account.URI)
	})
}

// TestAccountOperations is what settings and switches do (dbus spec 2.1, 3).
func TestAccountOperations(t *testing.T) {
	everyAccount(t, func(s *script) {
		id := s.account.ID
		template := s.details("getAccountTemplate", "RING")
		details := s.details("getAccountDetails", id)
		for key := range template {
			if _, ok := details[key]; !ok {
				s.t.Errorf("%s is in the template and not in the details", key)
			}
		}
		if len(template) != 53 || len(details) != len(template) {
			s.t.Errorf("%d keys in the template, %d in the details", len(template), len(details))
		}
		s.holds(details, "Account.type=RING", "Account.username="+s.account.URI, "Account.enable=true",
			"Account.displayName=alice", "Account.archiveHasPassword=false")
		for _, file := range []string{"TLS.certificateFile", "TLS.privateKeyFile"} {
			if _, err := os.Stat(details[file]); err != nil {
				s.t.Errorf("%s: %v", file, err)
			}
		}
		volatile := s.details("getVolatileAccountDetails", id)
		s.holds(volatile, "Account.registrationStatus=REGISTERED", "Account.active=true", "Account.deviceAnnounced=true")
		devices := s.details("getKnownRingDevices", id)
		if _, own := devices[volatile["Account.deviceID"]]; !own || len(devices) != 1 {
			s.t.Errorf("devices %q, own %q", devices, volatile["Account.deviceID"])
		}

		s.configures("setAccountDetails", "[]", map[string]string{"Account.displayName": "Alice", "Account.username": "x", "No.Such": "x"})
		s.signals("accountDetailsChanged", id)
		s.holds(s.details("getAccountDetails", id), "Account.displayName=Alice", "Account.username="+s.account.URI, "No.Such=")

		s.configures("sendRegister", "[]", false)
		s.signals("registrationStateChanged", id, "UNREGISTERED")
		s.configures("sendRegister", "[]", true)
		s.signals("registrationStateChanged", id, "REGISTERED")

		archive := filepath.Join(s.account.Home, "archive.gz")
		s.configures("exportToFile", "[true]", archive, "")
		if _, err := os.Stat(archive); err != nil {
			s.t.Error(err)
		}
		s.configures("changeAccountPassword", "[true]", "", "secret")
		s.holds(s.details("getAccountDetails", id), "Account.archiveHasPassword=true")
		s.configures("changeAccountPassword", "[false]", "wrong", "other")

		for _, a := range []answer{
			configuration("[]", "setAccountsOrder", "nobody/"+id+"/"),
			configuration("[]", "removeAccount", nobody),
			configuration("[]", "removeAccount", id),
		} {
			mark := s.account.Mark()
			if got, err := call(s.ctx, s.client, a.object, a.method, a.args...); err != nil || fmt.Sprint(got) != a.want {
				s.t.Errorf("%s%q: %v, %v", a.method, a.args, got, err)
			}
			if _, err := s.account.WaitSignal(s.ctx, mark, "accountsChanged"); err != nil {
				s.t.Fatal(err)
			}
		}
		var ids []string
		if err := s.account.Call(s.ctx, "ConfigurationManager", "getAccountList", nil, []any{&ids}); err != nil || slices.Contains(ids, id) {
			s.t.Errorf("accounts %q, %v", ids, err)
		}
	})
}
