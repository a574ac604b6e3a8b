package dbus

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/godbus/dbus/v5"
)

// connect connects to a bus and greets it.
func connect(address string, options ...dbus.ConnOption) (*dbus.Conn, error) {
	session := address == "" || address == "session"
	if session {
		var err error
		if address, err = sessionAddress(); err != nil {
			return nil, err
		}
	}
	stream, err := dial(address)
	if err != nil && session {
		return nil, fmt.Errorf("%w: %q: %w", ErrNoBus, address, err)
	}
	if err != nil {
		return nil, fmt.Errorf("dbus: connecting to the bus %q: %w", address, err)
	}
	// On a plain stream no file descriptors are received. Nobody needs to send us
	// any, and those of a hostile client would stay open.
	conn, err := dbus.NewConn(buffered{bufio.NewReader(stream), stream}, options...)
	if err == nil {
		err = conn.Auth(nil)
	}
	if err == nil {
		err = conn.Hello()
	}
	if err != nil {
		stream.Close()
		return nil, fmt.Errorf("dbus: greeting the bus %q: %w", address, err)
	}
	return conn, nil
}

// buffered is a connection that is read in large pieces.
type buffered struct {
	*bufio.Reader
	net.Conn
}

func (b buffered) Read(p []byte) (int, error) { return b.Reader.Read(p) }

// sessionAddress returns the address of the user's session bus.
func sessionAddress() (string, error) {
	if address := os.Getenv("DBUS_SESSION_BUS_ADDRESS"); address != "" && address != "autolaunch:" {
		return address, nil
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		socket := filepath.Join(dir, "bus")
		if _, err := os.Stat(socket); err == nil {
			return "unix:path=" + dbus.EscapeBusAddressValue(socket), nil
		}
	}
	return "", ErrNoBus
}

// dial connects to the first server of an address that answers. An address is a
// list of servers separated by semicolons, each a transport, a colon, and keys with
// values separated by commas.
func dial(address string) (net.Conn, error) {
	var errs []error
	for server := range strings.SplitSeq(address, ";") {
		network, place, err := parseServer(server)
		if err == nil {
			var conn net.Conn
			if conn, err = net.Dial(network, place); err == nil {
				return conn, nil
			}
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// parseServer returns where a server is, in the words of package net.
func parseServer(server string) (network, place string, err error) {
	transport, list, _ := strings.Cut(server, ":")
	keys := make(map[string]string)
	for pair := range strings.SplitSeq(list, ",") {
		key, value, _ := strings.Cut(pair, "=")
		if keys[key], err = dbus.UnescapeBusAddressValue(value); err != nil {
			return "", "", fmt.Errorf("value of %s: %w", key, err)
		}
	}
	switch {
	case transport == "unix" && keys["path"] != "":
		return "unix", keys["path"], nil
	case transport == "unix" && keys["abstract"] != "":
		return "unix", "@" + keys["abstract"], nil
	case transport == "tcp" && keys["host"] != "" && keys["port"] != "":
		return "tcp", net.JoinHostPort(keys["host"], keys["port"]), nil
	}
	return "", "", fmt.Errorf("want unix:path=, unix:abstract= or tcp:host=,port=, got %q", server)
}

// claimName takes the name that clients look for, or fails if somebody has it.
func claimName(conn *dbus.Conn) error {
	got, err := conn.RequestName(busName, dbus.NameFlagDoNotQueue)
	if err != nil {
		return fmt.Errorf("dbus: requesting the name %s: %w", busName, err)
	}
	if got != dbus.RequestNameReplyPrimaryOwner {
		return ErrNameTaken
	}
	return nil
}
