package dbus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/godbus/dbus/v5"

	"rollcall/daemon"
)

// Errors of Serve that a caller may want to treat.
var (
	// ErrNoBus reports that there is no session bus.
	ErrNoBus = errors.New("dbus: no session bus, see DBUS_SESSION_BUS_ADDRESS")
	// ErrNameTaken reports that another daemon serves the bus.
	ErrNameTaken = errors.New("dbus: another daemon has the name " + busName + " on this bus")
)

// Config says how a daemon appears on a bus. The zero value is the session bus
// with the default generations.
type Config struct {
	// Address of the bus, as D-Bus writes addresses; "session" and "" are the session bus.
	Address string
	// Generations whose signals are emitted, nil for DefaultGenerations.
	Generations []Generation
	// Persistent keeps the daemon when its last client unregisters.
	Persistent bool
	// Ready, unless nil, is called when clients are served and every event of the
	// daemon from then on becomes a signal.
	Ready func()
	// Logger receives what clients were refused; nil discards it.
	Logger *slog.Logger
}

// Serve serves a daemon on a bus until ctx ends or, unless cfg.Persistent, the last
// client has unregistered, and then returns nil. Calls that it has taken are
// answered before it returns; it leaves the daemon running. It returns an error when
// it cannot have the bus or loses it; see [ErrNoBus] and [ErrNameTaken].
func Serve(ctx context.Context, cfg Config, d *daemon.Daemon) error {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if len(cfg.Generations) == 0 {
		cfg.Generations = []Generation{Generation2023, Generation2026}
	}
	f, err := newFace(d, cfg.Generations, cfg.Persistent, cfg.Logger)
	if err != nil {
		return fmt.Errorf("dbus: %w", err)
	}
	f.ready = cfg.Ready
	conn, err := connect(cfg.Address, f.server.options()...)
	if err != nil {
		return err
	}
	defer conn.Close()
	// Calls that come between the name and the answers wait.
	events := d.Subscribe()
	if err := claimName(conn); err != nil {
		events.Close()
		return err
	}
	return f.serve(ctx, conn, events)
}

// serve answers the calls of a connection and emits the signals of events.
func (f *face) serve(ctx context.Context, conn *dbus.Conn, events *daemon.Subscription) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f.server.start(ctx, conn)
	f.emit(signal{"Instance", "started", nil})
	if f.ready != nil {
		f.ready()
	}

	lost := make(chan error, 1)
	f.started.Go(func() { lost <- f.follow(ctx, events) })
	var err error
	select {
	case <-ctx.Done():
	case <-f.ended:
	case err = <-lost:
	case <-conn.Context().Done():
		err = errors.New("dbus: the bus has closed the connection")
	}
	f.server.close()
	cancel()
	f.started.Wait()
	return err
}

// follow emits the signals of events and closes their subscription at its end. A
// reader that was too slow starts anew, and clients load everything again.
func (f *face) follow(ctx context.Context, events *daemon.Subscription) error {
	defer func() { events.Close() }()
	for {
		event, err := events.Next(ctx)
		switch {
		case err == nil:
			f.emit(f.signals(event)...)
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, daemon.ErrTooSlow):
			f.log.Warn("the bus is slow: signals were lost")
			events.Close()
			events = f.daemon.Subscribe()
			f.emit(configurationSignal("accountsChanged"))
		default:
			return err
		}
	}
}

func (f *face) emit(signals ...signal) {
	for _, sig := range signals {
		if err := f.server.emit(sig); err != nil {
			f.log.Warn("signal not sent", "signal", sig.name, "error", err)
		}
	}
}
