package dbus

import (
	"errors"
	"net"
	"path/filepath"
	"testing"
)

func TestParseServer(t *testing.T) {
	tests := []struct{ server, network, place string }{
		{"unix:path=/run/user/1000/bus", "unix", "/run/user/1000/bus"},
		{"unix:path=/tmp/a%20b,guid=0123", "unix", "/tmp/a b"},
		{"unix:abstract=/tmp/dbus-x,guid=0123", "unix", "@/tmp/dbus-x"},
		{"tcp:host=localhost,port=1234,family=ipv4", "tcp", "localhost:1234"},
		{"tcp:host=::1,port=1234", "tcp", "[::1]:1234"},
		{"", "", ""},
		{"unix", "", ""},
		{"unix:", "", ""},
		{"unix:path=%zz", "", ""},
		{"tcp:host=localhost", "", ""},
		{"autolaunch:", "", ""},
	}
	for _, tt := range tests {
		network, place, err := parseServer(tt.server)
		if network != tt.network || place != tt.place || (err == nil) != (tt.network != "") {
			t.Errorf("%q: %q, %q, %v", tt.server, network, place, err)
		}
	}
}

func TestDialTriesEveryServer(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := dial("unix:path=" + socket + "no;autolaunch:;unix:path=" + socket)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if _, err := dial("unix:path=" + socket + "no;autolaunch:"); err == nil {
		t.Error("nobody answers, and there is no error")
	}
}

func TestNoSessionBus(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "")
	t.Setenv("XDG_RUNTIME_DIR", dir)
	for _, address := range []string{"", "session"} {
		if err := Serve(t.Context(), Config{Address: address}, nil); !errors.Is(err, ErrNoBus) {
			t.Errorf("%q: %v", address, err)
		}
	}
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+dir+"/gone")
	if err := Serve(t.Context(), Config{}, nil); !errors.Is(err, ErrNoBus) {
		t.Errorf("a bus that is gone: %v", err)
	}
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "")
	listener, err := net.Listen("unix", filepath.Join(dir, "bus"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if got, err := sessionAddress(); err != nil || got != "unix:path="+dir+"/bus" {
		t.Errorf("got %q, %v", got, err)
	}
}
