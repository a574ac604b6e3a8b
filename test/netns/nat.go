package netns

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"

	"rollcall/test/leftout"
)

// routerInside is the address of a NAT towards the hosts behind it.
var routerInside = netip.AddrFrom4([4]byte{192, 168, 1, 1})

// NAT adds a router with an address of its own, and returns it with the network
// behind it. The hosts there have IPv4 only. They reach those of n, who see the
// router's address; nobody reaches them. It needs the nft command.
func (n *Network) NAT() (router *Host, inside *Network) {
	n.t.Helper()
	if _, err := exec.LookPath("nft"); err != nil {
		leftout.Test(n.t, "NAT between namespaces", "no nft command (package nftables)")
	}
	router = n.HostIPv4()
	inside = &Network{t: n.t, lan: newSwitch(), private: true}
	n.t.Cleanup(inside.lan.close)
	err := router.Do(func() error {
		tap, err := openTAP("eth1")
		if err != nil {
			return err
		}
		inside.lan.plug(tap)
		if err := run("ip", "-batch", fmt.Sprintf("link set eth1 up\naddr add %v/24 dev eth1\n", routerInside)); err != nil {
			return err
		}
		if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0); err != nil {
			return err
		}
		return run("nft", "-f", masquerade)
	})
	if err != nil {
		n.failOrLeaveOut(err)
	}
	return router, inside
}

// masquerade gives what leaves by eth0 its address, and lets in nothing but answers
// and what comes to ports that are forwarded.
const masquerade = `table ip nat {
	chain out { type nat hook postrouting priority 100; oifname "eth0" masquerade random; }
	chain ports { type nat hook prerouting priority -100; }
	chain in {
		type filter hook forward priority 0
		iifname "eth0" ct status dnat accept
		iifname "eth0" ct state new drop
	}
}
`

// Forward makes connections to a TCP port of the router lead to an address behind
// it.
func (h *Host) Forward(port uint16, to netip.AddrPort) error {
	return h.Do(func() error {
		return run("nft", "-f", fmt.Sprintf("add rule ip nat ports iifname eth0 tcp dport %d dnat to %v\n", port, to))
	})
}

// run runs a command that reads the rest of its instructions from standard input.
func run(name, option, input string) error {
	cmd := exec.Command(name, option, "-")
	cmd.Stdin = strings.NewReader(input)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return nil
}
