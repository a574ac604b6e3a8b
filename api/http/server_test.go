package http

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"rollcall/api/http/endpoint"
)

func unixAt(t *testing.T) endpoint.Endpoint {
	t.Helper()
	at, err := endpoint.Parse("", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestSocketIsTheUsersOnly(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	at := unixAt(t)
	listener, err := listen(at)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(at.Address)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != fs.ModeSocket|0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	conn, err := net.Dial(at.Network, at.Address)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if err := listener.Close(); err != nil {
		t.Error(err)
	}
	left, err := os.ReadDir(filepath.Dir(at.Address))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestSocketOfARunningDaemonIsKept(t *testing.T) {
	at := unixAt(t)
	listener, err := listen(at)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if _, err := listen(at); err == nil || !strings.Contains(err.Error(), "already") {
		t.Fatalf("second daemon: %v", err)
	}
	conn, err := net.Dial(at.Network, at.Address)
	if err != nil {
		t.Fatalf("the first one is not reached any more: %v", err)
	}
	conn.Close()
}

func TestSocketOfAKilledDaemonIsReplaced(t *testing.T) {
	at := unixAt(t)
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: at.Address, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	listener, err := listen(at)
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
}

func TestFileInPlaceOfTheSocketIsKept(t *testing.T) {
	at := unixAt(t)
	if err := os.WriteFile(at.Address, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := listen(at); err == nil {
		t.Fatal("a file was replaced")
	}
	if b, err := os.ReadFile(at.Address); err != nil || string(b) != "precious" {
		t.Errorf("%q, %v", b, err)
	}
}
