// Package netns builds private networks for tests: hosts, each a Linux network
// namespace with one interface, on one switch that can lose and delay what
// they send.
//
// Namespaces and interfaces have no names outside of the test process and are
// held by its file descriptors only: they vanish with it, however it ends, and
// no two processes can meet. The switch runs in the test process as well, so
// that loss and delay need no queueing discipline of the kernel.
//
// It needs Linux, root, /dev/net/tun and the ip command.
package netns

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"rollcall/test/leftout"
)

// Network is one switch and the hosts on it.
type Network struct {
	t       testing.TB
	lan     *netSwitch
	hosts   int
	private bool // behind a NAT
}

// Host is a machine of a test: a network namespace, or with Loopback the
// machine that the test runs on.
type Host struct {
	IPv4, IPv6 netip.Addr // invalid on a host without that family

	namespace *os.File // nil: the one of the test process
	port      *port
}

// Loopback returns the machine of the test itself, reached over its loopback
// interface. It needs no privilege.
func Loopback() *Host {
	return &Host{IPv4: netip.MustParseAddr("127.0.0.1"), IPv6: netip.IPv6Loopback()}
}

// New makes a network that lives until the end of the test. Where the machine
// cannot, the test is left out.
func New(t testing.TB) *Network {
	t.Helper()
	switch _, err := exec.LookPath("ip"); {
	case os.Geteuid() != 0:
		leftout.Test(t, "network namespaces", "not root")
	case err != nil:
		leftout.Test(t, "network namespaces", "no ip command (package iproute2)")
	}
	n := &Network{t: t, lan: newSwitch()}
	t.Cleanup(n.lan.close)
	return n
}

// Host adds a host with an IPv4 and an IPv6 address of its own prefixes. Hosts
// reach each other directly and nothing else: there is no default route.
func (n *Network) Host() *Host { return n.host(true, true) }

// HostIPv4 adds a host on which IPv6 is turned off.
func (n *Network) HostIPv4() *Host { return n.host(true, false) }

// HostIPv6 adds a host whose only IPv4 address is that of its loopback.
func (n *Network) HostIPv6() *Host { return n.host(false, true) }

func (n *Network) host(ipv4, ipv6 bool) *Host {
	n.t.Helper()
	n.hosts++
	if n.hosts > 250 {
		n.t.Fatal("a network has at most 250 hosts")
	}
	// A host per prefix, as on the Internet: nodes limit what one prefix may do.
	h := &Host{}
	setup := []string{"link set lo up", "link set eth0 up"}
	switch {
	case ipv4 && n.private:
		h.IPv4 = netip.AddrFrom4([4]byte{192, 168, 1, byte(n.hosts + 1)})
		setup = append(setup, fmt.Sprintf("addr add %v/24 dev eth0", h.IPv4), fmt.Sprintf("route add default via %v", routerInside))
	case ipv4:
		h.IPv4 = netip.AddrFrom4([4]byte{10, byte(n.hosts), 0, 1})
		setup = append(setup, fmt.Sprintf("addr add %v/8 dev eth0", h.IPv4))
	}
	if ipv6 {
		h.IPv6 = netip.AddrFrom16([16]byte{0: 0xfd, 3: byte(n.hosts), 15: 1})
		setup = append(setup, fmt.Sprintf("addr add %v/16 dev eth0 nodad", h.IPv6))
	}

	var err error
	if h.namespace, err = newNamespace(); err != nil {
		n.failOrLeaveOut(err)
	}
	n.t.Cleanup(func() { h.namespace.Close() })
	err = h.Do(func() error {
		if !ipv6 {
			if err := os.WriteFile("/proc/sys/net/ipv6/conf/all/disable_ipv6", []byte("1"), 0); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		tap, err := openTAP("eth0")
		if err != nil {
			return err
		}
		h.port = n.lan.plug(tap)
		return run("ip", "-batch", strings.Join(setup, "\n")+"\n")
	})
	if err != nil {
		n.failOrLeaveOut(err)
	}
	return h
}

// failOrLeaveOut ends the test: what the system does not permit or have is
// left out, the rest are faults.
func (n *Network) failOrLeaveOut(err error) {
	n.t.Helper()
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.ENODEV) {
		leftout.Test(n.t, "network namespaces", err.Error())
	}
	n.t.Fatalf("making a host: %v", err)
}

// Impair sets what happens to the packets that every present host sends.
func (n *Network) Impair(i Impairment) { n.lan.impair(i) }

// Impair sets what happens to the packets that the host sends.
func (h *Host) Impair(i Impairment) { h.port.impairment.Store(&i) }

// Unplug pulls the host's cable: nothing arrives and nothing leaves, and no
// program on the host is told.
func (h *Host) Unplug() { h.port.unplugged.Store(true) }

// Plug puts the cable back.
func (h *Host) Plug() { h.port.unplugged.Store(false) }

// AddrPort returns the host's IPv4 address with a port, or IPv6 where it has no
// other.
func (h *Host) AddrPort(port uint16) netip.AddrPort {
	if h.IPv4.IsValid() {
		return netip.AddrPortFrom(h.IPv4, port)
	}
	return netip.AddrPortFrom(h.IPv6, port)
}

// Do runs f on a thread inside of the host: sockets that f itself opens, not
// goroutines it starts, belong to the host for as long as they live.
func (h *Host) Do(f func() error) error {
	if h.namespace == nil {
		return f()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer home.Close()
	if err := unix.Setns(int(h.namespace.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("entering the network namespace: %w", err)
	}
	defer func() {
		if err := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); err != nil {
			panic("cannot leave the network namespace: " + err.Error())
		}
	}()
	return f()
}

// Start starts a program on the host. It is killed when the test process ends,
// however that ends.
func (h *Host) Start(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	return h.Do(cmd.Start)
}

// newNamespace makes a network namespace that lives while the file or a
// process in it does.
func newNamespace() (*os.File, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return nil, err
	}
	defer home.Close()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return nil, fmt.Errorf("making a network namespace: %w", err)
	}
	made, err := os.Open("/proc/thread-self/ns/net")
	if err := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); err != nil {
		panic("cannot leave the network namespace: " + err.Error())
	}
	return made, err
}
