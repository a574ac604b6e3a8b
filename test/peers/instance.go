package peers

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"syscall"
)

// RunAgain starts the daemon's program a second time, on the same bus and with a
// home directory of its own, waits until it ends, and returns its exit code and
// what it wrote.
func (d *Daemon) RunAgain(ctx context.Context) (code int, output string, err error) {
	line := d.Kind.command(d.t)
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Dir = d.t.TempDir()
	cmd.Env = environment(cmd.Dir, d.Address)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var written bytes.Buffer
	cmd.Stdout, cmd.Stderr = &written, &written
	err = d.host.Do(cmd.Run)
	var exit *exec.ExitError
	if errors.As(err, &exit) && ctx.Err() == nil {
		return exit.ExitCode(), written.String(), nil
	}
	return 0, written.String(), err
}
