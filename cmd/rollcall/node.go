package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"rollcall/dht"
	"rollcall/internal/dirlock"
)

// stateName is the file that --state DIR keeps the node in.
const stateName = "node.state"

type nodeFlags struct {
	network     networkFlags
	identity    string
	state       string
	client      bool
	noRateLimit bool
	discovery   bool
	logLevel    string
	metrics     string
}

func nodeCommand() *cobra.Command {
	var f nodeFlags
	cmd := &cobra.Command{
		Use:   "node",
		Short: "Run a node of the OpenDHT network",
		Long: `Run a node of the OpenDHT network until it is interrupted.

It serves the network: it stores values for others and answers who asks. Its id
and port are printed once it listens.

Exit codes: 0 interrupted, 1 wrong usage, or another node has the state directory,
7 the machine refused something.`,
		Example: `  rollcall node -p 4222 -b bootstrap.example --state ~/.local/state/rollcall`,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runNode(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	f.network.add(flags)
	flags.StringVarP(&f.identity, "identity", "i", "", "derive the node id from the identity in `FILE` (PEM: key, then chain; made if absent)")
	flags.StringVar(&f.state, "state", "", "keep the node id and the known nodes in `DIR`")
	flags.BoolVar(&f.client, "client", false, "use the network without serving it")
	flags.BoolVar(&f.noRateLimit, "no-rate-limit", false, "serve requests without a limit")
	flags.BoolVarP(&f.discovery, "discovery", "D", false, "find nodes in the local network by multicast")
	flags.StringVar(&f.logLevel, "log-level", "info", "log from this `LEVEL` on: debug, info, warn or error")
	flags.StringVar(&f.metrics, "metrics", "", "serve Prometheus metrics and /healthz on `ADDR`, such as 127.0.0.1:9100")
	return cmd
}

func runNode(ctx context.Context, f nodeFlags) error {
	log, err := newLogger(f.logLevel)
	if err != nil {
		return err
	}
	cfg, err := f.network.config()
	if err != nil {
		return err
	}
	cfg.Client, cfg.NoRateLimit, cfg.Discovery, cfg.Logger = f.client, f.noRateLimit, f.discovery, log
	if f.identity != "" {
		if cfg.Identity, err = loadIdentity(ctx, f.identity); err != nil {
			return err
		}
	}
	if f.state != "" {
		lock, err := takeState(f.state)
		if err != nil {
			return err
		}
		defer lock.Close()
		cfg.StateFile = filepath.Join(f.state, stateName)
	}
	node, err := dht.Open(ctx, cfg)
	if err != nil {
		return openFailure(err)
	}
	if _, err := fmt.Printf("node %v\nport %d\n", node.ID(), node.Port()); err != nil {
		return errors.Join(err, node.Close())
	}
	if f.metrics != "" {
		stop, err := serveMetrics(node, f.metrics, log)
		if err != nil {
			node.Close()
			return err
		}
		defer stop()
	}
	if cfg.Identity != nil {
		go publish(ctx, node, cfg.Identity, log)
	}
	go settle(ctx, log, nodeStart)
	<-ctx.Done()
	if err := node.Close(); err != nil {
		return &failure{codeInternal, err}
	}
	return nil
}

// takeState makes a state directory, and makes it ours until the file is closed: two
// nodes with one id would be taken for one that moves to and fro.
func takeState(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fail(codeInternal, "state directory: %w", err)
	}
	lock, err := dirlock.Take(dir)
	if errors.Is(err, dirlock.ErrHeld) {
		return nil, fail(codeRunning, "state directory %s: %w: end that one, or name another directory with --state", dir, err)
	}
	if err != nil {
		return nil, fail(codeInternal, "state directory: %w", err)
	}
	return lock, nil
}

// nodeStart is how long a node takes to start, and to meet others, at least.
const nodeStart = time.Second

// publish keeps the node's certificate on the network once it is connected.
func publish(ctx context.Context, node *dht.Node, id *dht.Identity, log *slog.Logger) {
	if node.WaitConnected(ctx) != nil {
		return
	}
	if _, err := node.Publish(ctx, id); err != nil && ctx.Err() == nil {
		log.Warn("certificate not published", "err", err)
	}
}

func newLogger(level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("--log-level %q: want debug, info, warn or error", level)
	}
	return slog.New(logHandler(os.Stderr, l, term.IsTerminal(int(os.Stderr.Fd())))), nil
}
