package daemons

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"testing"
)

// trial stands in for the test that package peers runs its programs for: they
// end with it. It has those methods of testing.TB that the package uses.
type trial struct {
	testing.TB // nil
	ctx        context.Context
	log        *slog.Logger
	err        error
	cleanups   []func()
}

// try runs f as a trial and returns what went wrong in it.
func try(ctx context.Context, log *slog.Logger, f func(*trial) error) error {
	t := &trial{ctx: ctx, log: log}
	ended := make(chan struct{})
	// In a goroutine of its own, which Fatal can end.
	go func() {
		defer close(ended)
		defer t.end()
		t.err = f(t)
	}()
	<-ended
	return t.err
}

// end runs the cleanups, the latest first.
func (t *trial) end() {
	for _, cleanup := range slices.Backward(t.cleanups) {
		cleanup()
	}
}

func (t *trial) Helper() {}

func (t *trial) Context() context.Context { return t.ctx }

func (t *trial) Cleanup(f func()) { t.cleanups = append(t.cleanups, f) }

func (t *trial) Failed() bool { return t.err != nil }

func (t *trial) Logf(format string, args ...any) { t.log.Info(fmt.Sprintf(format, args...)) }

func (t *trial) Fatal(args ...any) {
	t.err = errors.New(fmt.Sprint(args...))
	runtime.Goexit()
}

func (t *trial) Fatalf(format string, args ...any) {
	t.err = fmt.Errorf(format, args...)
	runtime.Goexit()
}

// Skipf is called where the machine lacks something: no measurement either.
func (t *trial) Skipf(format string, args ...any) { t.Fatalf(format, args...) }

func (t *trial) TempDir() string {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
