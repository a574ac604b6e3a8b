//go:build unix

package udp

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// shareAddress lets several sockets of the machine bind the same port.
func shareAddress(_, _ string, raw syscall.RawConn) error {
	var err error
	if e := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	}); e != nil {
		return e
	}
	return err
}
