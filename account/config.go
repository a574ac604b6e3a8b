package account

import (
	"errors"
	"log/slog"
	"time"

	"rollcall/presence"
	"rollcall/store"
	"rollcall/talk"
)

// Config describes an account.
type Config struct {
	// Keys, State and Cache must be set. The account closes none of them.
	Keys  *Keys
	State *store.State
	Cache *store.Cache

	// Lease is how long an announcement lives, 0 = permanent; AllowShortLease
	// permits leases under presence.MinLease.
	Lease           time.Duration
	AllowShortLease bool
	// Signers has room for as many of the accounts that share it as may sign their
	// announcements at the same time: very many that start together would keep the
	// node from its work. Nil: nobody shares it.
	Signers chan struct{}
	// Invisible makes the device announce nothing.
	Invisible bool
	// Dwell and History are those of [presence.TrackerConfig].
	Dwell   time.Duration
	History int

	// Connections, unless nil, connects the device with those of contacts while it
	// is not invisible.
	Connections *Connections
	// Note is what we say of ourselves to begin with; NotesBySIP lets notes go to
	// older daemons too, which show them as messages.
	Note       talk.Note
	NotesBySIP bool

	// Notify is told what happens, in order, by one goroutine at a time. It must
	// return soon and may not call the account. Nil: nobody listens.
	Notify func(Event)
	// Logger receives what the account does; nil discards it.
	Logger *slog.Logger
}

// Validate returns every mistake in c, joined.
func (c *Config) Validate() error {
	var errs []error
	for _, part := range []struct {
		name    string
		missing bool
	}{{"Keys", c.Keys == nil}, {"State", c.State == nil}, {"Cache", c.Cache == nil}} {
		if part.missing {
			errs = append(errs, errors.New("account: "+part.name+" is not set"))
		}
	}
	return errors.Join(append(errs, c.announcer().Validate())...)
}

func (c *Config) announcer() presence.AnnouncerConfig {
	return presence.AnnouncerConfig{Lease: c.Lease, AllowShort: c.AllowShortLease}
}
