// Package server starts the programs under test, each time afresh and bound to
// one core, and reads what they cost.
package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// startTimeout bounds the wait for the first answer of a new process.
	startTimeout = 10 * time.Second
	// probeGap is the time between two probes of a starting process.
	probeGap = 5 * time.Millisecond
	// leaveTimeout is what a process has to leave after SIGTERM.
	leaveTimeout = 5 * time.Second
)

var errEnded = errors.New("process ended")

// Program is a program under test.
type Program struct {
	Name string
	Path string
	// Args returns the command line for one start.
	Args func(Options) []string
	// Echo says that it returns each datagram instead of speaking the protocol.
	Echo bool
}

// Options are what a start may ask of a Program.
type Options struct {
	Port      uint16
	Bootstrap string // host:port, or none
	StateDir  string // where to keep its nodes between runs, or none
	Core      int
}

// Names of the node programs in records and tables.
const (
	OpenDHTName  = "dhtnode"
	RollcallName = "rollcall"
)

// OpenDHT returns dhtnode at path, without rate limits and logs.
func OpenDHT(path string) Program {
	return Program{Name: OpenDHTName, Path: path, Args: func(o Options) []string {
		args := []string{"-s", "-U", "-p", strconv.Itoa(int(o.Port))}
		if o.Bootstrap != "" {
			args = append(args, "-b", o.Bootstrap)
		}
		if o.StateDir != "" {
			args = append(args, "-f", o.StateDir+"/state")
		}
		return args
	}}
}

// Rollcall returns rollcall at path as a node, without rate limits and logs.
func Rollcall(path string) Program {
	return Program{Name: RollcallName, Path: path, Args: func(o Options) []string {
		args := []string{"node", "-p", strconv.Itoa(int(o.Port)), "--no-rate-limit", "--log-level", "error"}
		if o.Bootstrap != "" {
			args = append(args, "-b", o.Bootstrap)
		}
		if o.StateDir != "" {
			args = append(args, "--state", o.StateDir)
		}
		return args
	}}
}

// Echo returns this program, at path, as an echo server of the given mode.
func Echo(path, mode string) Program {
	return Program{Name: "echo " + mode, Path: path, Echo: true, Args: func(o Options) []string {
		return []string{"echo", "-mode", mode, "-p", strconv.Itoa(int(o.Port))}
	}}
}

// Process is a running Program.
type Process struct {
	Addr    netip.AddrPort
	Started time.Time
	cmd     *exec.Cmd
	// done is closed when the process has ended, with err as its outcome.
	done chan struct{}
	err  error
}

// Start starts p and waits until probe is answered. A zero port picks a free one.
// The process is killed when ctx ends; the caller ends it before.
func Start(ctx context.Context, p Program, o Options, probe []byte) (*Process, error) {
	proc, err := Launch(ctx, p, o)
	if err != nil {
		return nil, err
	}
	if err := proc.await(probe); err != nil {
		proc.Kill()
		return nil, fmt.Errorf("%s: %w", p.Name, err)
	}
	return proc, nil
}

// Launch is Start without the wait.
func Launch(ctx context.Context, p Program, o Options) (*Process, error) {
	if o.Port == 0 {
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		o.Port = port
	}
	cmd := exec.CommandContext(ctx, p.Path, p.Args(o)...)
	proc := &Process{
		Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), o.Port),
		cmd:  cmd,
		done: make(chan struct{}),
	}
	proc.Started = time.Now()
	if err := onCore(o.Core, cmd.Start); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.Path, err)
	}
	go func() {
		proc.err = cmd.Wait()
		close(proc.done)
	}()
	return proc, nil
}

// freePort returns a port that is free on both families: nodes bind both.
func freePort() (uint16, error) {
	conn, err := net.ListenUDP("udp", nil)
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort().Port(), nil
}

func (p *Process) await(probe []byte) error {
	conn, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(p.Addr))
	if err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	defer conn.Close()
	buf := make([]byte, 2048)
	for end := time.Now().Add(startTimeout); time.Now().Before(end); {
		select {
		case <-p.done:
			return fmt.Errorf("ended before it answered: %w", errors.Join(p.err, errEnded))
		default:
		}
		// Until the port is bound this fails with "connection refused".
		_, _ = conn.Write(probe)
		if err := conn.SetReadDeadline(time.Now().Add(probeGap)); err != nil {
			return fmt.Errorf("probe: %w", err)
		}
		if _, err := conn.Read(buf); err == nil {
			return nil
		}
		time.Sleep(probeGap)
	}
	return fmt.Errorf("no answer on %v within %v", p.Addr, startTimeout)
}

// PID returns the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Leave ends the process as a user would, which lets it save its state, and waits.
func (p *Process) Leave() {
	_ = p.cmd.Process.Signal(unix.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(leaveTimeout):
		p.Kill()
	}
}

// Kill ends the process at once and waits for it.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}
