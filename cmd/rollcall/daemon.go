package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"rollcall/api/dbus"
	"rollcall/api/http"
	"rollcall/api/http/endpoint"
	"rollcall/daemon"
	"rollcall/presence"
)

type daemonFlags struct {
	network    networkFlags
	dataDir    string
	config     string
	bus        string
	dbusAPI    string
	http       string
	lease      time.Duration
	history    int
	persistent bool
	logLevel   string
}

// off is the value of --bus and --http that leaves out that face.
const off = "none"

// sessionBus is the value of --bus that may go unheard: without a session there
// is no client to serve.
const sessionBus = "session"

// daemonStart is how long a daemon takes to start, to bring accounts on the network, to
// be asked by clients what there is and to do what people have started it for, as a rule.
const daemonStart = 30 * time.Second

// contactsStart is how long a daemon takes to connect with very many contacts.
const contactsStart = 90 * time.Second

// initTime is how long a new account is at least seen being made: what a client
// needs to load it, twenty times over.
const initTime = time.Second

func daemonCommand() *cobra.Command {
	var f daemonFlags
	cmd := &cobra.Command{
		Use:   "daemon",
		Short: "Run the daemon: accounts, contacts, presence, for D-Bus and HTTP",
		Long: `Run the daemon until it is interrupted: it keeps accounts on the network, and
serves Jami clients over D-Bus and others over HTTP. New accounts are on the public
network of Jami, or with -b on that of the node there.

Flags can be set in the environment, as ROLLCALL_DATA_DIR for --data-dir, and in
the configuration file, as keys without the dashes.

Exit codes: 0 interrupted, or the last client has left, 1 wrong usage, or another
daemon runs, 7 the machine refused something.`,
		Example: `  rollcall daemon
  rollcall daemon -b bootstrap.example:4222 --bus none --http 127.0.0.1:8080`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			file := cmp.Or(f.config, os.Getenv("ROLLCALL_CONFIG"))
			asked := file != ""
			if !asked {
				file = configFile()
			}
			if err := fillFlags(cmd.Flags(), file, asked); err != nil {
				return err
			}
			return runDaemon(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	f.network.add(flags)
	flags.StringVar(&f.dataDir, "data-dir", "", "keep everything in `DIR` (default $XDG_DATA_HOME/rollcall)")
	flags.StringVar(&f.config, configFlag, "", "read flags from `FILE` (default $XDG_CONFIG_HOME/rollcall/config.toml)")
	flags.StringVar(&f.bus, "bus", sessionBus, "serve Jami clients on this D-Bus: session, an `ADDRESS`, or none")
	flags.StringVar(&f.dbusAPI, "dbus-api", dbus.DefaultGenerations, "emit signals in the forms of these generations: `LIST` of documented, 2023, 2026")
	flags.StringVar(&f.http, "http", "", "serve HTTP on `ADDRESS`, unix:PATH or 127.0.0.1:PORT, besides the socket in the data directory; none: not at all")
	flags.DurationVar(&f.lease, "lease", presence.DefaultLease, "announcements live this `TIME`, 0: ten minutes, renewed in place")
	flags.IntVar(&f.history, "history", 0, "keep this `NUMBER` of changes of presence per contact")
	flags.BoolVar(&f.persistent, "persistent", false, "stay when the last client of the bus leaves")
	flags.StringVar(&f.logLevel, "log-level", "info", "log from this `LEVEL` on: debug, info, warn or error")
	return cmd
}

// userDir returns one of the user's base directories, or "" for a user without a home.
func userDir(variable, fallback string) string {
	if dir := os.Getenv(variable); filepath.IsAbs(dir) {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil || !filepath.IsAbs(home) {
		return ""
	}
	return filepath.Join(home, fallback)
}

func (f *daemonFlags) daemonConfig(log *slog.Logger) (daemon.Config, error) {
	if f.dataDir == "" {
		var err error
		if f.dataDir, err = defaultDataDir(); err != nil {
			return daemon.Config{}, err
		}
	}
	node, err := f.network.config()
	if err != nil {
		return daemon.Config{}, err
	}
	private := len(f.network.bootstrap) > 0
	if f.lease < 0 || f.lease > 0 && f.lease < presence.MinLease && !private {
		return daemon.Config{}, fmt.Errorf("--lease %v: want %v or more, or 0; less only with --bootstrap, on a network of one's own", f.lease, presence.MinLease)
	}
	if f.history < 0 {
		return daemon.Config{}, fmt.Errorf("--history %d: want 0 or more", f.history)
	}
	cfg := daemon.Config{
		DataDir: f.dataDir, Bootstrap: f.network.bootstrap, Network: f.network.network, Node: node,
		Lease: f.lease, AllowShortLease: private,
		History: f.history, InitTime: initTime, Standby: true, Logger: log,
	}
	if f.lease == 0 {
		cfg.Lease = -1
	}
	if dir := userDir("XDG_DATA_HOME", ".local/share"); dir != "" && f.bus != off {
		cfg.ClientDir = filepath.Join(dir, "jami")
	}
	return cfg, nil
}

func runDaemon(ctx context.Context, f daemonFlags) error {
	log, err := newLogger(f.logLevel)
	if err != nil {
		return err
	}
	generations, err := dbus.ParseGenerations(f.dbusAPI)
	if err != nil {
		return err
	}
	if f.bus == off && f.http == off {
		return errors.New("--bus none and --http none leave nobody to serve")
	}
	cfg, err := f.daemonConfig(log)
	if err != nil {
		return err
	}
	if f.http != off {
		if _, err := endpoint.Parse(f.http, cfg.DataDir); err != nil {
			return err
		}
	}
	d, err := daemon.Open(ctx, cfg)
	if err != nil {
		return daemonFailure(err)
	}
	if info, err := os.Stat(cfg.DataDir); err == nil && isOpen(info) {
		log.Warn("other users may look into the data directory, close it with chmod 700", "dir", cfg.DataDir)
	}
	// The accounts take it later, when nobody is there any more to be told.
	if err := f.network.check(ctx, cfg.Node); err != nil {
		return errors.Join(err, d.Close())
	}
	bus := dbus.Config{Address: f.bus, Generations: generations, Persistent: f.persistent, Logger: log}
	err = f.serve(ctx, d, bus, log)
	if closeErr := d.Close(); err == nil && closeErr != nil {
		err = &failure{codeInternal, closeErr}
	}
	return err
}

// serve runs the faces until ctx ends or one of them does.
func (f *daemonFlags) serve(ctx context.Context, d *daemon.Daemon, bus dbus.Config, log *slog.Logger) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	// Clients are to hear of everything: the accounts wait for the bus.
	ready := make(chan struct{})
	bus.Ready = sync.OnceFunc(func() { close(ready) })
	go settle(ctx, log, daemonStart, contactsStart)
	faces := 0
	ended := make(chan error)
	if f.http != off {
		server, err := http.Listen(http.Config{Address: f.http, DataDir: f.dataDir, Logger: log}, d)
		if err != nil {
			return &failure{codeInternal, err}
		}
		log.Info("http", "address", server.Endpoint())
		if len(d.Accounts()) == 0 {
			log.Info("no account yet: make one with rollcall account create NAME")
		}
		faces++
		go func() { ended <- server.Serve(ctx) }()
	}
	if f.bus != off {
		faces++
		go func() { ended <- f.serveBus(ctx, d, bus, log) }()
	}
	if f.bus == off {
		bus.Ready()
	}
	go func() {
		select {
		case <-ready:
			d.RegisterAll()
		case <-ctx.Done():
		}
	}()
	var errs []error
	for range faces {
		errs = append(errs, <-ended)
		stop()
	}
	if err := errors.Join(errs...); err != nil {
		return daemonFailure(err)
	}
	return nil
}

// daemonFailure returns an error with the exit code of a daemon that cannot run.
func daemonFailure(err error) error {
	switch {
	case errors.Is(err, daemon.ErrInUse):
		return fail(codeRunning, "%w: end that one, or name another directory with --data-dir", err)
	case errors.Is(err, dbus.ErrNameTaken):
		return &failure{codeRunning, err}
	}
	return &failure{codeInternal, err}
}

// serveBus serves the bus. A session bus that is not there is no error where
// there is another face.
func (f *daemonFlags) serveBus(ctx context.Context, d *daemon.Daemon, bus dbus.Config, log *slog.Logger) error {
	err := dbus.Serve(ctx, bus, d)
	if errors.Is(err, dbus.ErrNoBus) && f.bus == sessionBus && f.http != off {
		log.Warn("Jami clients are not served", "err", err)
		bus.Ready()
		<-ctx.Done()
		return nil
	}
	if err != nil {
		return fmt.Errorf("D-Bus: %w", err)
	}
	return nil
}
