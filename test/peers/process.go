// Package peers runs the programs that Rollcall must get on with, for tests:
// dhtnode, a node of libopendht that a test drives (OpenDHT), and jamid, the
// C++ daemon (Jamid). Programs run on a netns.Host, have their last output
// shown when the test fails, and end with the test.
//
// Tests that use it carry the build tag "peers"; test.sh installs the programs
// and runs them. A test whose program is missing is left out, not passed.
package peers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"rollcall/test/leftout"
	"rollcall/test/netns"
)

const (
	// startLimit bounds the time in which a program must be up, on a machine that
	// is slow or busy.
	startLimit = time.Minute
	// stopLimit bounds a clean exit before the program is killed.
	stopLimit = 15 * time.Second
	// logTail is how much of a program's output is kept.
	logTail = 32 << 10
)

// Process is a running program of a test.
type Process struct {
	Name string

	cmd    *exec.Cmd
	output *tail
	ended  chan struct{} // closed when the program has ended
}

// startProcess starts cmd on the host. Output that cmd does not send elsewhere
// goes to the log. The program is killed at the end of the test.
func startProcess(t testing.TB, host *netns.Host, name string, cmd *exec.Cmd) *Process {
	t.Helper()
	p := &Process{Name: name, cmd: cmd, output: &tail{}, ended: make(chan struct{})}
	for _, stream := range []*io.Writer{&cmd.Stdout, &cmd.Stderr} {
		if *stream == nil {
			*stream = p.output
		}
	}
	if err := host.Start(cmd); err != nil {
		t.Fatalf("starting %s: %v", name, err)
	}
	go func() {
		// How a program ends is up to the test; that it ended is enough here.
		_ = cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("last output of %s (%s):\n%s", name, cmd.ProcessState, p.output)
		}
	})
	return p
}

// Pid returns the process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Kill ends the program as kill -9 does and waits until it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // fails only where it has ended already
	<-p.ended
}

// Terminate asks the program to end by SIGTERM and waits until it has.
func (p *Process) Terminate() error { return p.stop(p.cmd.Process.Signal(syscall.SIGTERM)) }

// stop waits for a program that was asked to end.
func (p *Process) stop(asked error) error {
	if asked != nil && !errors.Is(asked, os.ErrProcessDone) {
		return asked
	}
	select {
	case <-p.ended:
	case <-time.After(stopLimit):
		p.Kill()
		return fmt.Errorf("%s %w within %v", p.Name, ErrStuck, stopLimit)
	}
	if !p.cmd.ProcessState.Success() {
		return fmt.Errorf("%s: %s", p.Name, p.cmd.ProcessState)
	}
	return nil
}

// alive returns an error once the program has ended.
func (p *Process) alive() error {
	select {
	case <-p.ended:
		return fmt.Errorf("%w: %s", ErrEnded, p.cmd.ProcessState)
	default:
		return nil
	}
}

// ErrStuck means that a program that was asked to end has been killed.
var ErrStuck = errors.New("did not end")

// ErrEnded means that the program at the other end is gone.
var ErrEnded = errors.New("program has ended")

// Eventually calls check until it reports true, and returns the last error
// when the context ends before.
func Eventually(ctx context.Context, check func() (bool, error)) error {
	const pause = 20 * time.Millisecond
	for {
		ok, err := check()
		if ok {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(pause):
		}
	}
}

// needProgram leaves the test out where a program is not installed.
func needProgram(t testing.TB, group, name, debianPackage string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		leftout.Test(t, group, name+" is not installed (package "+debianPackage+")")
	}
	return path
}

// tail keeps the end of what is written to it. It is safe for concurrent use.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (w *tail) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text = append(w.text, p...)
	if extra := len(w.text) - logTail; extra > 0 {
		w.text = append(w.text[:0], w.text[extra:]...)
	}
	return len(p), nil
}

func (w *tail) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(w.text)
}
