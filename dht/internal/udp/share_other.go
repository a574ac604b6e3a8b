//go:build !unix

package udp

import "syscall"

// shareAddress does nothing here: the first program of the machine has the port.
func shareAddress(string, string, syscall.RawConn) error { return nil }
