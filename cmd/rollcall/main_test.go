package main

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestInterrupted: who interrupts a command that waits for somebody gets the exit code
// of that, and no guess of what failed.
func TestInterrupted(t *testing.T) {
	dir := silentDaemon(t)
	nobody, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer nobody.Close()
	node := nobody.LocalAddr().String()
	for _, args := range [][]string{
		{"status", "--data-dir", dir},
		{"watch", "--data-dir", dir},
		{"account", "create", "alice", "--data-dir", dir},
		{"dht", "get", "-b", node, "key"},
		{"dht", "ping", node},
	} {
		ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errors.New("a signal"))
		if code := run(ctx, args); code != codeInterrupted {
			t.Errorf("%q: exit code %d, want %d", args, code, codeInterrupted)
		}
		cancel()
	}
}

// silentDaemon returns the data directory of a daemon that does not answer.
func silentDaemon(t *testing.T) string {
	dir := t.TempDir()
	silent, err := net.Listen("unix", filepath.Join(dir, "http.sock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	return dir
}

func TestDoctorWaitsForNobodyForever(t *testing.T) {
	f := &clientFlags{dataDir: silentDaemon(t)}
	found := f.checkDaemon(t.Context(), 10*time.Millisecond)
	if len(found) != 1 || found[0].State != "fault" || !strings.Contains(found[0].Found, "does not answer within 10ms") {
		t.Errorf("found %+v", found)
	}
}

func TestExitCode(t *testing.T) {
	tests := []struct {
		err  error
		code int
	}{
		{errors.New("wrong"), 1},
		{fail(codeNotFound, "no such thing: %w", fs.ErrNotExist), 3},
		{errors.Join(&fs.PathError{Op: "write", Path: "/dev/stdout", Err: fs.ErrInvalid}), 7},
	}
	for _, tt := range tests {
		if code := exitCode(tt.err); code != tt.code {
			t.Errorf("%v: exit code %d, want %d", tt.err, code, tt.code)
		}
	}
}
