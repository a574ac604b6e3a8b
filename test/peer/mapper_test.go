//go:build peers

package peer

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/nat/portmap"
	"rollcall/test/netns"
)

// mapperEnv says to a process of this test that it is to map ports as it is told,
// and whose time it goes by: goroutines of the test itself are not on the host that
// ports are mapped to.
const mapperEnv = "ROLLCALL_TEST_MAPPER"

// The times that there are. Simulated time passes when it is told to only, so that
// nothing may wait in vain.
const (
	realTime      = "real"
	simulatedTime = "simulated"
)

// mapperLimit bounds what takes seconds, and in simulated time could go on for ever.
const mapperLimit = time.Minute

// hostMapper is a portmap.Mapper on a host, in a process of its own.
type hostMapper struct {
	t       *testing.T
	in      io.Writer
	answers *bufio.Scanner
}

func newMapperOn(t *testing.T, h *netns.Host, passes string) *hostMapper {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), mapperLimit)
	cmd := exec.CommandContext(ctx, program, "-test.run", "^TestRouter$")
	cmd.Env = append(os.Environ(), mapperEnv+"="+passes)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := h.Start(cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
	})
	return &hostMapper{t, in, bufio.NewScanner(out)}
}

// ask gives it a command and returns what comes of it.
func (m *hostMapper) ask(command string) string {
	m.t.Helper()
	if _, err := fmt.Fprintln(m.in, command); err != nil {
		m.t.Fatal(err)
	}
	if !m.answers.Scan() {
		m.t.Fatalf("%s: no answer", command)
	}
	return m.answers.Text()
}

func (m *hostMapper) expect(command, want string) {
	m.t.Helper()
	if got := m.ask(command); got != want {
		m.t.Errorf("%s: %s, want %s", command, got, want)
	}
}

// serveMapper does what it is told on standard input.
func serveMapper(t *testing.T) {
	if os.Getenv(mapperEnv) == realTime {
		obeyAll(t, func() {})
		return
	}
	synctest.Test(t, func(t *testing.T) { obeyAll(t, synctest.Wait) })
}

// obeyAll answers commands when settled returns.
func obeyAll(t *testing.T, settled func()) {
	m := portmap.New(nil)
	defer m.Close()
	unmap := make(map[string]context.CancelFunc)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		answer, err := obey(t.Context(), m, unmap, lines.Text())
		settled()
		if err != nil {
			answer = "error: " + strings.ReplaceAll(err.Error(), "\n", "; ")
		}
		fmt.Println(answer)
	}
}

// obey does one thing. unmap ends the mapping of a port.
func obey(ctx context.Context, m *portmap.Mapper, unmap map[string]context.CancelFunc, command string) (string, error) {
	command, arg, _ := strings.Cut(command, " ")
	switch command {
	case "probe":
		r, err := m.Probe(ctx)
		if err != nil {
			return fmt.Sprintf("%s %v none: %v", r.Protocol, r.Router, err), nil
		}
		return fmt.Sprintf("%s %v %v", r.Protocol, r.Router, r.Public.Addr()), nil
	case "seek":
		m.Seek()
	case "map":
		listener, err := netip.ParseAddrPort(arg)
		if err != nil {
			return "", err
		}
		ctx, unmap[arg] = context.WithCancel(ctx)
		public, err := m.Map(ctx, listener)
		return public.String(), err
	case "unmap":
		unmap[arg]()
	case "pass":
		d, err := time.ParseDuration(arg)
		time.Sleep(d)
		return "done", err
	case "close":
		return "done", m.Close()
	}
	return "done", nil
}
