package client

import (
	"context"
	"fmt"
	"io"
	"net/url"

	"rollcall/api/http/schema"
	"rollcall/dht/infohash"
)

func account(id string) string { return "/v1/accounts/" + url.PathEscape(id) }

func of(id, what string, peer infohash.Hash) string {
	return account(id) + "/" + what + "/" + peer.String()
}

// Status tells how the daemon is.
func (c *Client) Status(ctx context.Context) (schema.Status, error) {
	return get[schema.Status](ctx, c, "/v1/status", nil)
}

// BackUp copies all accounts, their keys included, into a new directory, which is
// an absolute path.
func (c *Client) BackUp(ctx context.Context, dir string) error {
	return c.perform(ctx, "POST", "/v1/backups", nil, schema.Backup{Directory: dir})
}

// Accounts lists the accounts, in the user's order.
func (c *Client) Accounts(ctx context.Context) ([]schema.Account, error) {
	return get[[]schema.Account](ctx, c, "/v1/accounts", nil)
}

// Account tells about an account.
func (c *Client) Account(ctx context.Context, id string) (schema.Account, error) {
	return get[schema.Account](ctx, c, account(id), nil)
}

// CreateAccount begins to make an account, or to import one, and returns its id.
func (c *Client) CreateAccount(ctx context.Context, n schema.NewAccount) (string, error) {
	created, err := call[schema.CreatedAccount](ctx, c, "POST", "/v1/accounts", nil, n)
	return created.ID, err
}

// RemoveAccount deletes an account with all that is kept of it.
func (c *Client) RemoveAccount(ctx context.Context, id string) error {
	return c.perform(ctx, "DELETE", account(id), nil, nil)
}

// Switch turns "enabled", "active" or "invisible" of an account on or off.
func (c *Client) Switch(ctx context.Context, id, what string, on bool) error {
	return c.perform(ctx, "PUT", account(id)+"/"+what, nil, schema.Switch{On: on})
}

// SetPassword changes the password of an account's archive.
func (c *Client) SetPassword(ctx context.Context, id string, n schema.NewPassword) error {
	return c.perform(ctx, "PUT", account(id)+"/password", nil, n)
}

// Export returns the archive of an account.
func (c *Client) Export(ctx context.Context, id, password string) ([]byte, error) {
	answer, err := c.do(ctx, "POST", account(id)+"/export", nil, schema.Password{Password: password})
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("archive from the daemon: %w", err)
	}
	return b, nil
}

// Devices lists the devices of an account, its own first.
func (c *Client) Devices(ctx context.Context, id string) ([]schema.Device, error) {
	return get[[]schema.Device](ctx, c, account(id)+"/devices", nil)
}

// Settings returns the settings of an account.
func (c *Client) Settings(ctx context.Context, id string) (schema.Settings, error) {
	return get[schema.Settings](ctx, c, account(id)+"/settings", nil)
}

// ChangeSettings changes some of them.
func (c *Client) ChangeSettings(ctx context.Context, id string, s schema.Settings) error {
	return c.perform(ctx, "PATCH", account(id)+"/settings", nil, s)
}

// Contacts lists the active and the banned contacts.
func (c *Client) Contacts(ctx context.Context, id string) ([]schema.Contact, error) {
	return get[[]schema.Contact](ctx, c, account(id)+"/contacts", nil)
}

// Contact tells about a contact, also a removed one.
func (c *Client) Contact(ctx context.Context, id string, peer infohash.Hash) (schema.Contact, error) {
	return get[schema.Contact](ctx, c, of(id, "contacts", peer), nil)
}

// AddContact adds a contact, or lifts its ban.
func (c *Client) AddContact(ctx context.Context, id string, peer infohash.Hash) (changed bool, err error) {
	return c.change(ctx, "PUT", of(id, "contacts", peer), nil)
}

// RemoveContact removes a contact, or bans it.
func (c *Client) RemoveContact(ctx context.Context, id string, peer infohash.Hash, ban bool) (changed bool, err error) {
	return c.change(ctx, "DELETE", of(id, "contacts", peer), url.Values{"ban": {fmt.Sprint(ban)}})
}

func (c *Client) change(ctx context.Context, method, path string, query url.Values) (bool, error) {
	change, err := call[schema.Changed](ctx, c, method, path, query, nil)
	return change.Changed, err
}

// Requests lists the trust requests that wait, the longest waiting first.
func (c *Client) Requests(ctx context.Context, id string) ([]schema.Request, error) {
	return get[[]schema.Request](ctx, c, account(id)+"/requests", nil)
}

// Request tells about the request of an account.
func (c *Client) Request(ctx context.Context, id string, from infohash.Hash) (schema.Request, error) {
	return get[schema.Request](ctx, c, of(id, "requests", from), nil)
}

// SeeRequests notes that the user has looked at requests.
func (c *Client) SeeRequests(ctx context.Context, id string, from []infohash.Hash) error {
	return c.perform(ctx, "PUT", account(id)+"/requests/seen", nil, schema.Seen{From: from})
}

// AcceptRequest makes the sender of a request a contact.
func (c *Client) AcceptRequest(ctx context.Context, id string, from infohash.Hash) (changed bool, err error) {
	return c.change(ctx, "POST", of(id, "requests", from)+"/accept", nil)
}

// DiscardRequest drops a request.
func (c *Client) DiscardRequest(ctx context.Context, id string, from infohash.Hash) error {
	return c.perform(ctx, "POST", of(id, "requests", from)+"/discard", nil, nil)
}

// BlockRequest drops a request and bans its sender.
func (c *Client) BlockRequest(ctx context.Context, id string, from infohash.Hash) (changed bool, err error) {
	return c.change(ctx, "POST", of(id, "requests", from)+"/block", nil)
}

// Outgoing lists our requests and confirms that are not delivered yet.
func (c *Client) Outgoing(ctx context.Context, id string) ([]schema.Outgoing, error) {
	return get[[]schema.Outgoing](ctx, c, account(id)+"/outgoing", nil)
}

// SendRequest asks an account to be a contact, with a vCard or nothing.
func (c *Client) SendRequest(ctx context.Context, id string, peer infohash.Hash, payload []byte) error {
	return c.perform(ctx, "PUT", of(id, "outgoing", peer), nil, schema.NewRequest{Payload: payload})
}

// CancelRequest stops asking.
func (c *Client) CancelRequest(ctx context.Context, id string, peer infohash.Hash) error {
	return c.perform(ctx, "DELETE", of(id, "outgoing", peer), nil, nil)
}

// Policy tells which requests ask for attention.
func (c *Client) Policy(ctx context.Context, id string) (schema.Policy, error) {
	return get[schema.Policy](ctx, c, account(id)+"/policy", nil)
}

// SetPolicy chooses which do from now on.
func (c *Client) SetPolicy(ctx context.Context, id string, p schema.Policy) error {
	return c.perform(ctx, "PUT", account(id)+"/policy", nil, p)
}

// Presence tells the presence of all who are followed.
func (c *Client) Presence(ctx context.Context, id string) ([]schema.Presence, error) {
	return get[[]schema.Presence](ctx, c, account(id)+"/presence", nil)
}

// PresenceOf tells what is known of somebody's presence.
func (c *Client) PresenceOf(ctx context.Context, id string, peer infohash.Hash) (schema.Presence, error) {
	return get[schema.Presence](ctx, c, of(id, "presence", peer), nil)
}

// Subscribe follows somebody, contact or not, once more.
func (c *Client) Subscribe(ctx context.Context, id string, peer infohash.Hash) error {
	return c.perform(ctx, "PUT", of(id, "subscriptions", peer), nil, nil)
}

// Unsubscribe takes one subscription back.
func (c *Client) Unsubscribe(ctx context.Context, id string, peer infohash.Hash) error {
	return c.perform(ctx, "DELETE", of(id, "subscriptions", peer), nil, nil)
}

// QueryPresence asks the network of an account, or with "" that of new accounts,
// who of peer is there.
func (c *Client) QueryPresence(ctx context.Context, id string, peer infohash.Hash) (schema.Announcements, error) {
	return get[schema.Announcements](ctx, c, "/v1/presence/"+peer.String(), accountQuery(id))
}

// FindName asks the name server of an account who has a name.
func (c *Client) FindName(ctx context.Context, id, server, name string) (schema.Name, error) {
	query := accountQuery(id)
	query.Set("server", server)
	return get[schema.Name](ctx, c, "/v1/names/"+url.PathEscape(name), query)
}

// FindAddress asks it which name somebody has.
func (c *Client) FindAddress(ctx context.Context, id, server string, peer infohash.Hash) (schema.Name, error) {
	query := accountQuery(id)
	query.Set("server", server)
	return get[schema.Name](ctx, c, "/v1/addresses/"+peer.String()+"/name", query)
}

func accountQuery(id string) url.Values {
	if id == "" {
		return url.Values{}
	}
	return url.Values{"account": {id}}
}
