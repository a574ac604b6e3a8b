//go:build linux

// Package echo is the floor under every UDP server: it returns each datagram to
// its sender and does nothing else.
package echo

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"rollcall/bench/udp"
)

// Plain echoes on addr with one system call per datagram and direction, through
// the standard library. It returns only on an error.
func Plain(addr netip.AddrPort) error {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer conn.Close()
	buf := make([]byte, udp.MaxDatagram)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		if _, err := conn.WriteToUDPAddrPort(buf[:n], from); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
}

// idle is how long Batch blocks when nothing comes.
const idle = 10 * time.Second

// Batch echoes on addr with one system call per batch and direction. It returns
// only on an error.
func Batch(addr netip.AddrPort) error {
	conn, err := udp.Listen(addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	for {
		n, err := conn.Receive(idle)
		if err != nil {
			return err
		}
		if err := conn.Echo(n); err != nil {
			return err
		}
	}
}
