package peers

import (
	"context"
	"fmt"
	"net/netip"
)

// Account is an account of a daemon.
type Account struct {
	*Daemon
	ID  string // of the daemon: 16 hex digits
	URI string // of the network: 40 hex digits
}

// Contact is a contact's record: the keys id, added, confirmed, banned and
// conversationId.
type Contact map[string]string

// AddAccount creates an account on the network of a bootstrap node, and waits
// until it is registered and announced. Everything that reaches beyond the
// DHT is turned off.
func (d *Daemon) AddAccount(ctx context.Context, name string, bootstrap netip.AddrPort) (*Account, error) {
	mark := d.Mark()
	account, err := d.create(ctx, name, bootstrap)
	if err != nil {
		return nil, err
	}
	if err := account.WaitAnnounced(ctx, mark); err != nil {
		return nil, err
	}
	return account, account.identify(ctx)
}

// CreateAccount is AddAccount that waits only until the account has its uri:
// for a daemon that does not reach the network.
func (d *Daemon) CreateAccount(ctx context.Context, name string, bootstrap netip.AddrPort) (*Account, error) {
	account, err := d.create(ctx, name, bootstrap)
	if err != nil {
		return nil, err
	}
	return account, Eventually(ctx, func() (bool, error) {
		err := account.identify(ctx)
		return err == nil, err
	})
}

// create asks for an account, which does not have its uri yet.
func (d *Daemon) create(ctx context.Context, name string, bootstrap netip.AddrPort) (*Account, error) {
	details := make(map[string]string)
	if err := d.Call(ctx, configuration, "getAccountTemplate", []any{"RING"}, []any{&details}); err != nil {
		return nil, err
	}
	for key, value := range map[string]string{
		"Account.type":               "RING",
		"Account.alias":              name,
		"Account.displayName":        name,
		"Account.hostname":           bootstrap.String(),
		"Account.archiveHasPassword": "false",
		"Account.upnpEnabled":        "false",
		"Account.peerDiscovery":      "false",
		"Account.accountDiscovery":   "false",
		"Account.accountPublish":     "false",
		"Account.proxyEnabled":       "false",
		"TURN.enable":                "false",
		"STUN.enable":                "false",
	} {
		details[key] = value
	}
	account := &Account{Daemon: d}
	return account, d.Call(ctx, configuration, "addAccount", []any{details}, []any{&account.ID})
}

// identify asks for the account's uri.
func (a *Account) identify(ctx context.Context) error {
	var details map[string]string
	err := a.Call(ctx, configuration, "getAccountDetails", []any{a.ID}, []any{&details})
	a.URI = details["Account.username"]
	if err == nil && len(a.URI) != 40 {
		err = fmt.Errorf("%s: the account's uri is %q", a.Name, a.URI)
	}
	return err
}

// WaitAnnounced waits for the signals, after mark, that the account is
// registered and its device announced.
func (a *Account) WaitAnnounced(ctx context.Context, mark int) error {
	if _, err := a.WaitSignal(ctx, mark, "registrationStateChanged", a.ID, "REGISTERED"); err != nil {
		return err
	}
	return Eventually(ctx, func() (bool, error) {
		var details map[string]string
		err := a.Call(ctx, configuration, "getVolatileAccountDetails", []any{a.ID}, []any{&details})
		if err == nil && details["Account.deviceAnnounced"] != "true" {
			err = fmt.Errorf("%s: the device is not announced", a.Name)
		}
		return err == nil, err
	})
}

// Enable registers the account, or takes it off the network.
func (a *Account) Enable(ctx context.Context, on bool) error {
	return a.Call(ctx, configuration, "sendRegister", []any{a.ID, on}, nil)
}

// Track starts or ends to follow the presence of a uri.
func (a *Account) Track(ctx context.Context, uri string, on bool) error {
	return a.Call(ctx, presence, "subscribeBuddy", []any{a.ID, uri, on}, nil)
}

// WaitPresence waits for the first signal after mark that says whether a uri
// is online, in either form of that signal.
func (a *Account) WaitPresence(ctx context.Context, mark int, uri string, online bool) (Signal, error) {
	return a.Wait(ctx, mark, fmt.Sprint("presence of ", uri, ": ", online), func(s Signal) bool {
		if s.Name != "newBuddyNotification" || len(s.Args) != 4 || s.Args[0] != a.ID || s.Args[1] != uri {
			return false
		}
		switch status := s.Args[2].(type) {
		case bool:
			return status == online
		case int32:
			return (status > 0) == online
		}
		return false
	})
}

// SendRequest sends a trust request with a payload.
func (a *Account) SendRequest(ctx context.Context, uri string, payload []byte) error {
	return a.Call(ctx, configuration, "sendTrustRequest", []any{a.ID, uri, payload}, nil)
}

// AcceptRequest accepts the trust request of a uri.
func (a *Account) AcceptRequest(ctx context.Context, uri string) error {
	return a.decide(ctx, "acceptTrustRequest", uri)
}

// DiscardRequest refuses the trust request of a uri.
func (a *Account) DiscardRequest(ctx context.Context, uri string) error {
	return a.decide(ctx, "discardTrustRequest", uri)
}

func (a *Account) decide(ctx context.Context, method, uri string) error {
	var ok bool
	err := a.Call(ctx, configuration, method, []any{a.ID, uri}, []any{&ok})
	if err == nil && !ok {
		err = fmt.Errorf("%s: %s of %s: refused", a.Name, method, uri)
	}
	return err
}

// Requests returns the pending trust requests: maps with the keys from,
// received, payload and conversationId.
func (a *Account) Requests(ctx context.Context) (requests []map[string]string, err error) {
	err = a.Call(ctx, configuration, "getTrustRequests", []any{a.ID}, []any{&requests})
	return requests, err
}

// AddContact adds a contact without asking it.
func (a *Account) AddContact(ctx context.Context, uri string) error {
	return a.Call(ctx, configuration, "addContact", []any{a.ID, uri}, nil)
}

// RemoveContact removes a contact, or bans it.
func (a *Account) RemoveContact(ctx context.Context, uri string, ban bool) error {
	return a.Call(ctx, configuration, "removeContact", []any{a.ID, uri, ban}, nil)
}

// Contact returns the record of a contact, empty if it is none.
func (a *Account) Contact(ctx context.Context, uri string) (contact Contact, err error) {
	err = a.Call(ctx, configuration, "getContactDetails", []any{a.ID, uri}, []any{&contact})
	return contact, err
}

// Contacts returns the active and banned contacts.
func (a *Account) Contacts(ctx context.Context) (contacts []Contact, err error) {
	err = a.Call(ctx, configuration, "getContacts", []any{a.ID}, []any{&contacts})
	return contacts, err
}
