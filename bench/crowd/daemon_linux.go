package crowd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"syscall"
	"time"

	"rollcall/api/http/client"
	"rollcall/api/http/endpoint"
	"rollcall/bench/server"
)

// trial is a daemon that is brought to a state, and then measured while nothing is
// asked of it.
type trial struct {
	rollcall, dir string // the program, and its data
	settle, idle  time.Duration
	log           *slog.Logger

	// The state is reached when count finds want of what.
	what  string
	want  int
	count func(context.Context, *client.Client) (int, error)
	took  string // the figure for the seconds until then
}

// startLimit is how long that may take.
const startLimit = 10 * time.Minute

// run starts the daemon on the network of a node and measures it from the start to
// the end.
func (t *trial) run(ctx context.Context, bootstrap string) (map[string]float64, error) {
	cmd := exec.CommandContext(ctx, t.rollcall, "daemon", "--data-dir", t.dir, "--bus", "none", "--log-level", "error",
		"--bootstrap", bootstrap, "--bind", loopback.String(), "--ipv4")
	cmd.Stderr = os.Stderr
	started := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	figures, err := t.measure(ctx, cmd.Process.Pid, started)
	stopping := time.Now()
	_ = cmd.Process.Signal(syscall.SIGTERM)
	if err := errors.Join(err, cmd.Wait()); err != nil {
		return nil, err
	}
	figures["exit_ms"] = float64(time.Since(stopping)) / float64(time.Millisecond)
	return figures, nil
}

func (t *trial) measure(ctx context.Context, pid int, started time.Time) (map[string]float64, error) {
	if err := t.await(ctx); err != nil {
		return nil, err
	}
	took := time.Since(started)
	startCPU, _, err := usage(pid)
	if err != nil {
		return nil, err
	}
	t.log.Info("all are "+t.what, "count", t.want, "took", took.Round(time.Millisecond), "cpu", startCPU.Round(time.Millisecond))
	if err := server.Pause(ctx, t.settle); err != nil {
		return nil, err
	}
	from := time.Now()
	before, wakeupsBefore, err := usage(pid)
	if err != nil {
		return nil, err
	}
	if err := server.Pause(ctx, t.idle); err != nil {
		return nil, err
	}
	after, wakeups, err := usage(pid)
	if err != nil {
		return nil, err
	}
	seconds := time.Since(from).Seconds()
	memory, err := server.ReadMemory(pid)
	if err != nil {
		return nil, err
	}
	const megabyte = 1 << 20
	return map[string]float64{
		t.took:        took.Seconds(),
		"start_cpu_s": startCPU.Seconds(),
		"cpu":         100 * (after - before).Seconds() / seconds,
		"wakeups":     float64(wakeups-wakeupsBefore) / seconds,
		"rss":         float64(memory.RSS) / megabyte,
		"anon":        float64(memory.Anon) / megabyte,
		"each_kb":     float64(memory.RSS) / 1024 / float64(t.want),
	}, t.await(ctx) // still all there
}

// usage returns what a process has used so far.
func usage(pid int) (cpu time.Duration, wakeups int64, err error) {
	if cpu, err = server.CPU(pid); err != nil {
		return 0, 0, err
	}
	wakeups, err = server.Wakeups(pid)
	return cpu, wakeups, err
}

// await waits until the state is reached.
func (t *trial) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	at, err := endpoint.Parse("", t.dir)
	if err != nil {
		return err
	}
	c, err := client.New(at)
	if err != nil {
		return err
	}
	defer c.Close()
	for {
		there, err := t.count(ctx, c)
		if err != nil && !errors.Is(err, client.ErrNoDaemon) {
			return err
		}
		if there == t.want {
			return nil
		}
		if err := server.Pause(ctx, 500*time.Millisecond); err != nil {
			return fmt.Errorf("%d of %d are %s: %w", there, t.want, t.what, err)
		}
	}
}
