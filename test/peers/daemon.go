package peers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"rollcall/test/leftout"
	"rollcall/test/netns"
)

const (
	busName       = "cx.ring.Ring"
	objectRoot    = "/cx/ring/Ring/"
	configuration = "ConfigurationManager"
	presence      = "PresenceManager"
)

// DaemonKind is an implementation of the Jami daemon.
type DaemonKind struct {
	Name    string
	command func(t testing.TB) []string
}

// Jamid is the C++ daemon.
var Jamid = DaemonKind{"jamid", func(t testing.TB) []string {
	const program = "/usr/libexec/jamid"
	if _, err := os.Stat(program); err != nil {
		leftout.Test(t, "C++ daemon", "jamid is not installed (package jami-daemon)")
	}
	return []string{program, "--persistent", "--console"}
}}

// Daemon is a Jami daemon on a message bus and in a home directory of its own.
// Tests speak with it over D-Bus only. Signals are recorded from its first
// start on, in order.
type Daemon struct {
	*Process // the running one, after a restart the new one
	Kind     DaemonKind
	Home     string // its home directory
	Address  string // of its bus

	t    testing.TB
	host *netns.Host
	bus  *dbus.Conn

	mu      sync.Mutex // protects all below
	signals []Signal
	more    chan struct{} // closed and replaced when signals grows
}

// Signal is a D-Bus signal of a daemon.
type Signal struct {
	Name string // without the interface
	Args []any
	At   time.Time
}

// Start starts a daemon on the host and waits until it serves its bus.
func (k DaemonKind) Start(t testing.TB, host *netns.Host) *Daemon {
	t.Helper()
	d := &Daemon{
		Kind: k, Home: t.TempDir(), Address: startBus(t, host),
		t: t, host: host, more: make(chan struct{}),
	}
	var err error
	if d.bus, err = dbus.Connect(d.Address, dbus.WithSignalHandler(dbus.NewSequentialSignalHandler())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.bus.Close() })
	if err := d.bus.AddMatchSignal(dbus.WithMatchPathNamespace("/cx/ring/Ring")); err != nil {
		t.Fatal(err)
	}
	received := make(chan *dbus.Signal, 64)
	d.bus.Signal(received)
	go d.record(received)
	d.Restart()
	return d
}

// Restart kills the daemon if it runs, and starts it again with the same home
// directory and bus.
func (d *Daemon) Restart() {
	d.t.Helper()
	if d.Process != nil {
		d.Kill()
	}
	line := d.Kind.command(d.t)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Dir = d.Home
	cmd.Env = environment(d.Home, d.Address)
	d.Process = startProcess(d.t, d.host, d.Kind.Name, cmd)

	ctx, cancel := context.WithTimeout(d.t.Context(), startLimit)
	defer cancel()
	err := Eventually(ctx, func() (bool, error) {
		var owned bool
		err := d.bus.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.NameHasOwner", 0, busName).Store(&owned)
		return owned, errors.Join(err, d.alive())
	})
	if err != nil {
		d.t.Fatalf("%s does not appear on its bus: %v", d.Name, err)
	}
}

// environment is that of a daemon with a home directory and a bus of its own.
func environment(home, bus string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"),
		"LANG=C.UTF-8",
		"HOME=" + home,
		"XDG_DATA_HOME=" + filepath.Join(home, "data"),
		"XDG_CONFIG_HOME=" + filepath.Join(home, "config"),
		"XDG_CACHE_HOME=" + filepath.Join(home, "cache"),
		"XDG_RUNTIME_DIR=" + home,
		"DBUS_SESSION_BUS_ADDRESS=" + bus,
	}
}

// Call calls a method of one of the daemon's objects, such as
// "ConfigurationManager", and stores its results.
func (d *Daemon) Call(ctx context.Context, object, method string, args, results []any) error {
	call := d.bus.Object(busName, dbus.ObjectPath(objectRoot+object)).
		CallWithContext(ctx, busName+"."+object+"."+method, 0, args...)
	if err := call.Store(results...); err != nil {
		return fmt.Errorf("%s: %s: %w", d.Name, method, err)
	}
	return nil
}

// Mark returns the number of signals so far: what Wait starts from, to see
// only those that a later action causes.
func (d *Daemon) Mark() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.signals)
}

// Signals returns the signals after mark.
func (d *Daemon) Signals(mark int) []Signal {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]Signal(nil), d.signals[mark:]...)
}

// Wait waits for the first signal after mark that match accepts.
func (d *Daemon) Wait(ctx context.Context, mark int, what string, match func(Signal) bool) (Signal, error) {
	for {
		d.mu.Lock()
		signals, more := d.signals[mark:], d.more
		d.mu.Unlock()
		for _, s := range signals {
			if match(s) {
				return s, nil
			}
		}
		mark += len(signals)
		select {
		case <-more:
		case <-ctx.Done():
			return Signal{}, fmt.Errorf("%s: waiting for %s: %w", d.Name, what, ctx.Err())
		}
	}
}

// WaitSignal waits for the first signal of this name after mark whose first
// arguments are the ones given.
func (d *Daemon) WaitSignal(ctx context.Context, mark int, name string, args ...any) (Signal, error) {
	return d.Wait(ctx, mark, fmt.Sprint(name, args), func(s Signal) bool {
		if s.Name != name || len(s.Args) < len(args) {
			return false
		}
		for i, arg := range args {
			if s.Args[i] != arg {
				return false
			}
		}
		return true
	})
}

// record keeps every signal until the connection ends.
func (d *Daemon) record(received <-chan *dbus.Signal) {
	for s := range received {
		name := s.Name[strings.LastIndexByte(s.Name, '.')+1:]
		d.mu.Lock()
		d.signals = append(d.signals, Signal{Name: name, Args: s.Body, At: time.Now()})
		close(d.more)
		d.more = make(chan struct{})
		d.mu.Unlock()
	}
}
