//go:build linux

// Command bench measures Rollcall's DHT node and its daemon, each beside the
// reference's in one run. docs/benchmarks.md describes the method.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"rollcall/bench/echo"
	"rollcall/bench/report"
	"rollcall/bench/server"
	"rollcall/bench/suite"
	"rollcall/bench/transfer"
)

const usage = `usage: bench [flags] BENCH...     measure nodes
       bench daemon [flags]       measure daemons
       bench accounts [flags]     measure a daemon with very many accounts
       bench contacts [flags]     measure a daemon with very many connected contacts
       bench report [-into DOC] FILE... print the tables of result files, or put them into a document
       bench echo -mode MODE -p PORT serve as the socket floor
       bench transfer [flags]     serve as one end of a transfer

BENCH is one of throughput, overload, pingpong, memory, reflection, network, all.

`

func main() {
	var err error
	switch {
	case len(os.Args) > 1 && os.Args[1] == "report":
		err = printReport(os.Args[2:])
	case len(os.Args) > 1 && os.Args[1] == "daemon":
		err = measureDaemons(os.Args[2:])
	case len(os.Args) > 1 && os.Args[1] == "accounts":
		err = measureAccounts(os.Args[2:])
	case len(os.Args) > 1 && os.Args[1] == "contacts":
		err = measureContacts(os.Args[2:])
	case len(os.Args) > 1 && os.Args[1] == "transfer":
		err = serveTransfer(os.Args[2:])
	case len(os.Args) > 1 && os.Args[1] == "echo":
		err = serveEcho(os.Args[2:])
	default:
		err = measure(os.Args[1:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// printReport shows the records of one or more files under the heading of the
// first.
func printReport(args []string) error {
	flags := flag.NewFlagSet("report", flag.ExitOnError)
	into := flags.String("into", "", "`document` to put the tables into")
	_ = flags.Parse(args)
	if flags.NArg() == 0 {
		return errors.New("name a result file")
	}
	var all *report.Run
	for _, path := range flags.Args() {
		run, err := report.Read(path)
		if err != nil {
			return err
		}
		if all == nil {
			all = run
			continue
		}
		all.Records = append(all.Records, run.Records...)
		maps.Copy(all.Meta.Versions, run.Meta.Versions)
	}
	if *into != "" {
		return report.Insert(*into, all)
	}
	report.Markdown(os.Stdout, all)
	return nil
}

func serveTransfer(args []string) error {
	flags := flag.NewFlagSet("transfer", flag.ExitOnError)
	bootstrap := flags.String("bootstrap", "", "`address` of a node")
	file := flags.String("file", "", "`path` of the file that is sent, or made")
	role := flags.String("role", "receive", "receive or send")
	_ = flags.Parse(args)
	return transfer.Serve(context.Background(), os.Stdin, os.Stdout, *bootstrap, *file, *role == "send")
}

func serveEcho(args []string) error {
	flags := flag.NewFlagSet("echo", flag.ExitOnError)
	mode := flags.String("mode", "plain", "plain or batch")
	port := flags.Uint("p", 0, "`port` on loopback")
	_ = flags.Parse(args)
	addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(*port))
	switch *mode {
	case "plain":
		return echo.Plain(addr)
	case "batch":
		return echo.Batch(addr)
	}
	return fmt.Errorf("unknown echo mode %q: want plain or batch", *mode)
}

// settings are the flags of a measurement.
type settings struct {
	common
	config  suite.Config
	core    int
	dhtnode string
	kinds   string
	benches []string
}

func parse(args []string) (*settings, error) {
	s := &settings{}
	c := &s.config
	flags := s.flags("bench")
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), usage)
		flags.PrintDefaults()
	}
	flags.StringVar(&s.dhtnode, "dhtnode", "dhtnode", "`path` of dhtnode; empty leaves it out")
	flags.StringVar(&s.kinds, "kinds", "", "only these kinds of request, by name, separated by semicolons")
	flags.IntVar(&c.Rounds, "rounds", 5, "rounds, each with fresh servers")
	flags.DurationVar(&c.Cell, "cell", time.Second, "length of one loop")
	flags.IntVar(&c.NetworkSize, "network", 100, "nodes of the idle network")
	flags.DurationVar(&c.Idle, "idle", time.Minute, "length of the idle measurement")
	flags.IntVar(&c.ServerCore, "server-core", 0, "core of the server")
	flags.IntVar(&s.core, "generator-core", 1, "core of the generator")
	_ = flags.Parse(args)
	c.Windows = []int{1, 16, 256}
	c.Signed, c.Values, c.Listens, c.Exchanges, c.Settle = 2000, 100_000, 10_000, 2048, time.Minute
	if s.quick {
		c.Rounds, c.Cell, c.Idle, c.Settle = 1, min(c.Cell, 200*time.Millisecond), 5*time.Second, 5*time.Second
		c.NetworkSize, c.Signed = min(c.NetworkSize, 25), 200
	}
	if s.kinds != "" {
		c.Kinds = strings.Split(s.kinds, ";")
	}
	s.benches = flags.Args()
	if len(s.benches) == 0 {
		flags.Usage()
		return nil, errors.New("name at least one bench")
	}
	if s.core == c.ServerCore {
		return nil, errors.New("the server and the generator need a core each")
	}
	return s, s.programs()
}

// programs fills in what is measured.
func (s *settings) programs() error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	c := &s.config
	c.Floors = []server.Program{server.Echo(self, "plain"), server.Echo(self, "batch")}
	if s.dhtnode != "" {
		c.Nodes = append(c.Nodes, server.OpenDHT(s.dhtnode))
	}
	if s.rollcall != "" {
		c.Nodes = append(c.Nodes, server.Rollcall(s.rollcall))
	}
	if len(c.Nodes) == 0 {
		return errors.New("nothing to measure: name a node program")
	}
	c.Member = c.Nodes[0]
	return nil
}

func measure(args []string) error {
	s, err := parse(args)
	if err != nil {
		return err
	}
	if err := server.PinSelf(s.core); err != nil {
		return err
	}
	return s.run(s.config.Rounds, versions(s.rollcall, s.dhtnode), func(ctx context.Context, log *slog.Logger) ([]report.Record, error) {
		s.config.Log = log
		measured := suite.New(s.config)
		err := runBenches(ctx, measured, s.benches)
		return measured.Records, errors.Join(err, errors.Join(measured.Failed...))
	})
}

type bench struct {
	name string
	run  func(context.Context) error
}

func runBenches(ctx context.Context, s *suite.Suite, names []string) error {
	benches := []bench{
		{"throughput", s.Throughput},
		{"overload", s.Overload},
		{"pingpong", s.PingPong},
		{"memory", s.Memory},
		{"reflection", s.Reflection},
		{"network", s.Network},
	}
	for _, name := range names {
		known := func(b bench) bool { return b.name == name || name == "all" }
		if !slices.ContainsFunc(benches, known) {
			return fmt.Errorf("unknown bench %q", name)
		}
	}
	var failed error
	for _, b := range benches {
		if ctx.Err() == nil && (slices.Contains(names, b.name) || slices.Contains(names, "all")) {
			failed = errors.Join(failed, b.run(ctx))
		}
	}
	return failed
}
