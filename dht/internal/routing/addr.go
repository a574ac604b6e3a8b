package routing

import "net/netip"

// Martian reports whether no packet can come from or go to addr: port 0, an
// unspecified, multicast or reserved address, an IPv4 address in IPv6 form, or a
// link-local IPv6 address that does not tell its link (opendht spec 7.5). Private
// and loopback addresses are fine.
func Martian(addr netip.AddrPort) bool {
	ip := addr.Addr()
	switch {
	case addr.Port() == 0 || !ip.IsValid():
		return true
	case ip.Is4():
		first := ip.As4()[0]
		return first == 0 || first >= 224
	}
	return ip.Is4In6() || ip.IsUnspecified() || ip.IsMulticast() ||
		ip.IsLinkLocalUnicast() && ip.Zone() == ""
}

// Relative returns the address at which to reach a node that sender told of. A
// loopback address is one of the sender's own machine (opendht spec 2.2); the
// result is the zero AddrPort, which is martian, where that machine's address in
// this family is unknown.
func Relative(addr, sender netip.AddrPort) netip.AddrPort {
	if !addr.Addr().IsLoopback() || sender.Addr().IsLoopback() {
		return addr
	}
	if addr.Addr().Is4() != sender.Addr().Is4() {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(sender.Addr(), addr.Port())
}

// Network returns the /24 or /48 that addr belongs to, by which nodes count as
// likely to be in one hand. ok is false for private, loopback and link-local
// addresses, which say nothing about that.
func Network(addr netip.Addr) (network netip.Prefix, ok bool) {
	if !addr.IsValid() || addr.IsPrivate() || addr.IsLoopback() || addr.IsLinkLocalUnicast() {
		return netip.Prefix{}, false
	}
	bits := 48
	if addr.Is4() {
		bits = 24
	}
	network, err := addr.Prefix(bits)
	return network, err == nil
}
