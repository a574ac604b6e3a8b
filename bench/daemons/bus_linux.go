package daemons

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
)

// bus is a connection on which calls are timed until the last byte of the reply
// is there: to make values of a long list takes a client longer than a daemon
// needs to send it, and is the same for every daemon.
type bus struct {
	conn   net.Conn
	r      *bufio.Reader
	serial uint32
}

// dialBus connects to a bus at a path.
func dialBus(address string) (*bus, error) {
	path, ok := strings.CutPrefix(address, "unix:path=")
	if !ok {
		return nil, fmt.Errorf("bus address %q: want unix:path=PATH", address)
	}
	path, _, _ = strings.Cut(path, ",")
	conn, err := net.Dial("unix", path)
	if err != nil {
		return nil, err
	}
	b := &bus{conn: conn, r: bufio.NewReaderSize(conn, 1<<20)}
	if err := b.begin(); err != nil {
		conn.Close()
		return nil, fmt.Errorf("connect to the bus: %w", err)
	}
	return b, nil
}

func (b *bus) begin() error {
	user := hex.EncodeToString([]byte(strconv.Itoa(os.Getuid())))
	if _, err := fmt.Fprintf(b.conn, "\x00AUTH EXTERNAL %s\r\n", user); err != nil {
		return err
	}
	answer, err := b.r.ReadString('\n')
	if err != nil {
		return err
	}
	if !strings.HasPrefix(answer, "OK") {
		return fmt.Errorf("refused: %q", answer)
	}
	if _, err := b.conn.Write([]byte("BEGIN\r\n")); err != nil {
		return err
	}
	_, err = b.call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello")
	return err
}

func (b *bus) close() { b.conn.Close() }

// call calls a method and returns how long it took.
func (b *bus) call(name string, path dbus.ObjectPath, iface, method string, args ...any) (time.Duration, error) {
	msg := &dbus.Message{Type: dbus.TypeMethodCall, Body: args, Headers: map[dbus.HeaderField]dbus.Variant{
		dbus.FieldDestination: dbus.MakeVariant(name), dbus.FieldPath: dbus.MakeVariant(path),
		dbus.FieldInterface: dbus.MakeVariant(iface), dbus.FieldMember: dbus.MakeVariant(method),
	}}
	if len(args) > 0 {
		msg.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(args...))
	}
	var encoded bytes.Buffer
	if err := msg.EncodeTo(&encoded, binary.LittleEndian); err != nil {
		return 0, err
	}
	b.serial++
	binary.LittleEndian.PutUint32(encoded.Bytes()[8:], b.serial)
	if err := b.conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return 0, err
	}
	start := time.Now()
	if _, err := b.conn.Write(encoded.Bytes()); err != nil {
		return 0, err
	}
	err := b.reply()
	return time.Since(start), err
}

// reply reads the next reply. Signals are passed over.
func (b *bus) reply() error {
	for {
		var head [16]byte // order, type, flags, version; lengths of body, serial, fields
		if _, err := io.ReadFull(b.r, head[:]); err != nil {
			return err
		}
		var order binary.ByteOrder = binary.LittleEndian
		if head[0] == 'B' {
			order = binary.BigEndian
		}
		fields := (order.Uint32(head[12:]) + 7) &^ 7
		if _, err := b.r.Discard(int(fields + order.Uint32(head[4:]))); err != nil {
			return err
		}
		switch dbus.Type(head[1]) {
		case dbus.TypeMethodReply:
			return nil
		case dbus.TypeError:
			return errors.New("the call has failed")
		}
	}
}
