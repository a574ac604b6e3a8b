// Package daemon runs many accounts: their lifecycle, their contacts, requests
// and presence, and one ordered stream of everything that happens to them. The
// faces over it (D-Bus, HTTP, the command line) translate and have no logic of
// their own.
//
//	d, err := daemon.Open(ctx, daemon.Config{DataDir: dir})
//	…
//	events := d.Subscribe()
//	id, err := d.Create(ctx, daemon.Creation{Settings: daemon.Details{"Account.displayName": "alice"}})
//	for {
//		event, err := events.Next(ctx)
//		…
//	}
//
// Methods that change something return once the change is on the disk. Methods
// without a context never wait for disk or network. All are safe for concurrent
// use. What a caller got wrong is one of the errors of this package; see
// [ErrUnknownAccount] and its siblings.
package daemon
