package client

import (
	"context"

	"rollcall/api/http/schema"
	"rollcall/dht/infohash"
)

// Note tells what an account says of itself.
func (c *Client) Note(ctx context.Context, id string) (schema.Note, error) {
	return get[schema.Note](ctx, c, account(id)+"/note", nil)
}

// PublishNote tells contacts a note, now and when they connect, and returns it as
// it is sent.
func (c *Client) PublishNote(ctx context.Context, id string, n schema.NewNote) (schema.Note, error) {
	return call[schema.Note](ctx, c, "PUT", account(id)+"/note", nil, n)
}

// ClearNote takes the note back.
func (c *Client) ClearNote(ctx context.Context, id string) error {
	return c.perform(ctx, "DELETE", account(id)+"/note", nil, nil)
}

// NotesBySIP tells whether notes go to older daemons, which show them as messages.
func (c *Client) NotesBySIP(ctx context.Context, id string) (bool, error) {
	found, err := get[schema.Switch](ctx, c, account(id)+"/notes-by-sip", nil)
	return found.On, err
}

// SendText sends a message and returns the id by which events tell what becomes
// of it.
func (c *Client) SendText(ctx context.Context, id string, to infohash.Hash, t schema.NewText) (string, error) {
	sent, err := call[schema.SentText](ctx, c, "POST", of(id, "texts", to), nil, t)
	return sent.ID, err
}

// Connections lists the direct connections with other devices.
func (c *Client) Connections(ctx context.Context, id string) ([]schema.Connection, error) {
	return get[[]schema.Connection](ctx, c, account(id)+"/connections", nil)
}
