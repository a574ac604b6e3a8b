package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	nethttp "net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"rollcall/api/http"
	"rollcall/daemon"
	"rollcall/dht"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"rollcall": main})
}

// TestScripts runs scripts. Each has a network of one node at $NODE, of which
// nobody outside of this machine knows, a free port $PORT, and the files large,
// of more than a value may have, and escape, which would steer a terminal.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "node"),
		Setup: func(env *testscript.Env) error {
			_, err := setNode(env)
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// TestDaemonScripts runs scripts that have a daemon too, found by the
// environment, and a name server at $NAMES. Its keys are small and its leases short.
func TestDaemonScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "daemon"),
		Setup: func(env *testscript.Env) error {
			bootstrap, err := setNode(env)
			if err != nil {
				return err
			}
			setNameServer(env)
			return setDaemon(env, bootstrap)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "event": event, "uri": uri, "serve": serve, "leave": leave, "completes": completes,
		},
	})
}

// noWait is for programs with the race detector, which otherwise wait for a second
// before they end.
const noWait = "atexit_sleep_ms=0"

var loopback = netip.MustParseAddr("127.0.0.1")

func setNode(env *testscript.Env) (bootstrap string, err error) {
	node, err := dht.Open(context.Background(), dht.Config{Bind4: loopback, NoIPv6: true})
	if err != nil {
		return "", err
	}
	env.Defer(func() { node.Close() })
	bootstrap = node.Addrs()[0].String()
	env.Setenv("NODE", bootstrap)
	port, err := freePort()
	if err != nil {
		return "", err
	}
	env.Setenv("PORT", port)
	env.Setenv("HOME", env.WorkDir)
	env.Setenv("GORACE", noWait)
	env.Setenv("BELL", "\a")
	env.Setenv("LATIN", "caf\xe9")
	for name, content := range map[string]string{"large": strings.Repeat("x", 70_000), "escape": "\x1b[2J red"} {
		if err := os.WriteFile(filepath.Join(env.WorkDir, name), []byte(content), 0o600); err != nil {
			return "", err
		}
	}
	return bootstrap, nil
}

// freePort returns a port that is free for now, and that nobody gets who does not ask
// for it: it is below those that systems give away.
func freePort() (port string, err error) {
	for range 100 {
		port = strconv.Itoa(10_000 + rand.IntN(20_000))
		var conn net.PacketConn
		if conn, err = net.ListenPacket("udp4", "127.0.0.1:"+port); err == nil {
			return port, conn.Close()
		}
	}
	return "", err
}

// setNameServer starts a name server for one name and its account. It fails for
// another name.
func setNameServer(env *testscript.Env) {
	const name, address = "carol", "0xcafe000000000000000000000000000000000001"
	server := httptest.NewServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		switch r.URL.Path {
		case "/name/" + name, "/addr/" + strings.TrimPrefix(address, "0x"):
			fmt.Fprintf(w, `{"name":%q,"addr":%q}`, name, address)
		case "/name/broken":
			w.WriteHeader(nethttp.StatusInternalServerError)
		default:
			w.WriteHeader(nethttp.StatusNotFound)
		}
	}))
	env.Defer(server.Close)
	env.Setenv("NAMES", server.URL)
}

func setDaemon(env *testscript.Env, bootstrap string) error {
	dir := filepath.Join(env.WorkDir, "data")
	env.Setenv("ROLLCALL_DATA_DIR", dir)
	d, err := daemon.Open(context.Background(), daemon.Config{
		DataDir: dir, Bootstrap: []string{bootstrap}, Node: dht.Config{Bind4: loopback, NoIPv6: true},
		Lease: 8 * time.Second, AllowShortLease: true, Dwell: 50 * time.Millisecond, History: 10, KeyBits: 2048,
	})
	if err != nil {
		return err
	}
	server, err := http.Listen(http.Config{DataDir: dir}, d)
	if err != nil {
		return errors.Join(err, d.Close())
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx) }()
	env.Defer(func() {
		stop()
		if err := errors.Join(<-served, d.Close()); err != nil {
			panic(err)
		}
	})
	env.Values[pastKey{}] = &past{events: d.Subscribe()}
	env.Values[servedKey{}] = new(*exec.Cmd)
	return nil
}

// past is what happened at the daemon of a script and was not waited for yet.
type past struct {
	events *daemon.Subscription
	texts  []string
}

// pastKey is where scripts have their past.
type pastKey struct{}

// exits runs a command and compares its exit code: exits CODE COMMAND...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// completes asks for the completion of a word until there is one, and compares it:
// completes PATTERN WORD... A shell is not kept waiting for long, so that on a busy
// machine there may be none.
func completes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: completes PATTERN WORD...")
	}
	want := regexp.MustCompile("(?m)" + args[0])
	for range 10 {
		ts.Check(ts.Exec("rollcall", append([]string{"__complete"}, args[1:]...)...))
		if want.MatchString(ts.ReadFile("stdout")) {
			return
		}
	}
	ts.Fatalf("want %q", args[0])
}

// event waits until something has happened, before or from now on: event TEXT...,
// where the event has all of the texts in it, and is taken out of the past.
func event(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: event TEXT...")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	p := ts.Value(pastKey{}).(*past)
	for i := 0; ; i++ {
		if i == len(p.texts) {
			e, err := p.events.Next(ctx)
			if err != nil {
				ts.Fatalf("no event with %q: %v; there were\n%s", args, err, strings.Join(p.texts, "\n"))
			}
			p.texts = append(p.texts, fmt.Sprintf("%s %T %+v", e.Account, e.Change, e.Change))
		}
		if !slices.ContainsFunc(args, func(text string) bool { return !strings.Contains(p.texts[i], text) }) {
			p.texts = slices.Delete(p.texts, i, i+1)
			return
		}
	}
}

// servedKey is where scripts have the daemon that runs as a process of its own.
type servedKey struct{}

// serve starts a daemon as a process and waits until it answers: serve FLAG...
func serve(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: serve FLAG...")
	}
	cmd := exec.Command("rollcall", append([]string{"daemon"}, args...)...)
	cmd.Dir = ts.Getenv("WORK")
	cmd.Env = []string{"HOME=" + cmd.Dir, "GORACE=" + noWait}
	log, err := cmd.StderrPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Defer(func() { _ = cmd.Process.Kill() })
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		ts.Logf("daemon: %s", lines.Text())
		if strings.Contains(lines.Text(), "http.sock") {
			go func() { _, _ = io.Copy(io.Discard, log) }()
			*ts.Value(servedKey{}).(**exec.Cmd) = cmd
			return
		}
	}
	ts.Fatalf("the daemon ends: %v", cmd.Wait())
}

// leave ends the daemon of the last serve, which must be orderly.
func leave(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: leave")
	}
	cmd := *ts.Value(servedKey{}).(**exec.Cmd)
	ts.Check(cmd.Process.Signal(os.Interrupt))
	ts.Check(cmd.Wait())
}

// uri sets a variable to the account id that a file tells of: uri VARIABLE FILE.
func uri(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: uri VARIABLE FILE")
	}
	found := accountURI.FindStringSubmatch(ts.ReadFile(args[1]))
	if found == nil {
		ts.Fatalf("no URI in %s", args[1])
	}
	ts.Setenv(args[0], found[1])
}

var accountURI = regexp.MustCompile(`jami:([0-9a-f]{40})`)
