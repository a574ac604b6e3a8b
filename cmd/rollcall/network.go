package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"rollcall/dht"
)

// networkFlags are those of every command that opens a node.
type networkFlags struct {
	port      uint16
	bind      []string
	bootstrap []string
	network   uint32
	ip4, ip6  bool
}

func (f *networkFlags) add(flags *pflag.FlagSet) {
	flags.Uint16VarP(&f.port, "port", "p", 0, "UDP `PORT` to listen on (0: any free one)")
	flags.StringArrayVarP(&f.bootstrap, "bootstrap", "b", nil, "join the network by the node at `HOST[:PORT]` (repeatable)")
	flags.Uint32VarP(&f.network, "network", "n", 0, "network `ID`; nodes of others are ignored")
	flags.StringArrayVar(&f.bind, "bind", nil, "listen on this `ADDRESS` only (once per address family)")
	flags.BoolVar(&f.ip4, "ipv4", false, "use IPv4 only")
	flags.BoolVar(&f.ip6, "ipv6", false, "use IPv6 only")
}

func (f *networkFlags) config() (dht.Config, error) {
	if f.ip4 && f.ip6 {
		return dht.Config{}, errors.New("--ipv4 and --ipv6 exclude each other: leave both out to use both")
	}
	cfg := dht.Config{Port: f.port, Bootstrap: f.bootstrap, Network: f.network, NoIPv4: f.ip6, NoIPv6: f.ip4}
	for _, text := range f.bind {
		addr, err := netip.ParseAddr(text)
		switch {
		case err != nil:
			return cfg, fmt.Errorf("--bind %q: want an IPv4 or IPv6 address", text)
		case addr.Is4():
			cfg.Bind4 = addr
		default:
			cfg.Bind6 = addr
		}
	}
	if cfg.Bind4.IsValid() && !cfg.Bind6.IsValid() {
		cfg.NoIPv6 = true
	}
	if cfg.Bind6.IsValid() && !cfg.Bind4.IsValid() {
		cfg.NoIPv4 = true
	}
	if err := cfg.Validate(); err != nil {
		return cfg, err
	}
	return cfg, nil
}

// check reports a port or an address that was asked for and is not to be had. Without
// either, whatever is free will do.
func (f *networkFlags) check(ctx context.Context, cfg dht.Config) error {
	if f.port == 0 && len(f.bind) == 0 {
		return nil
	}
	cfg.Client, cfg.Bootstrap, cfg.StateFile = true, nil, ""
	node, err := dht.Open(ctx, cfg)
	if err != nil {
		return openFailure(err)
	}
	return node.Close()
}

// openFailure returns the error of a node that cannot be opened with its exit code, and
// says what to do where that is known.
func openFailure(err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fail(codeInternal, "%w: another program has the port, choose another with --port", err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fail(codeInternal, "%w: the machine has no such address, choose another with --bind", err)
	}
	return &failure{codeInternal, err}
}

// joinTimeout is how long a command waits at most for a first node to answer.
const joinTimeout = 10 * time.Second

// join opens a client node for one command and waits until it is connected, for no
// longer than patience.
func (f *networkFlags) join(ctx context.Context, patience time.Duration) (*dht.Node, error) {
	cfg, err := f.config()
	if err != nil {
		return nil, err
	}
	if len(cfg.Bootstrap) == 0 {
		return nil, errors.New("no node to ask: name one with -b HOST[:PORT]")
	}
	cfg.Client = true
	node, err := dht.Open(ctx, cfg)
	if err != nil {
		return nil, openFailure(err)
	}
	if err := resolvable(ctx, node, cfg.Bootstrap); err != nil {
		node.Close()
		return nil, err
	}
	patience = min(patience, joinTimeout)
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := node.WaitConnected(waiting); err != nil {
		node.Close()
		if ctx.Err() != nil {
			return nil, err
		}
		return nil, fail(codeNoAnswer, "no answer from %s within %v: is a node running there?", strings.Join(f.bootstrap, " "), patience)
	}
	return node, nil
}

// resolvable reports the unknown host among names, if none of them is known.
func resolvable(ctx context.Context, node *dht.Node, names []string) error {
	var errs []error
	for _, name := range names {
		_, err := node.Resolve(ctx, name)
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	err := errors.Join(errs...)
	var unknown *net.DNSError
	if errors.As(err, &unknown) {
		return &failure{codeHost, err}
	}
	return err
}
