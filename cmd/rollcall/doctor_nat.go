package main

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"rollcall/api/http/client"
	"rollcall/api/http/schema"
	"rollcall/nat"
	"rollcall/nat/portmap"
	"rollcall/nat/relay"
)

// doctorTimeout ends each check that waits for others.
const doctorTimeout = 10 * time.Second

// atOnce makes checks side by side, and returns what they found in order.
func atOnce(ctx context.Context, checks ...func(context.Context) []finding) []finding {
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	found := make([][]finding, len(checks))
	var tasks sync.WaitGroup
	for i, check := range checks {
		tasks.Go(func() { found[i] = check(ctx) })
	}
	tasks.Wait()
	return slices.Concat(found...)
}

// checkReach sees how others reach the accounts of the daemon.
func checkReach(ctx context.Context, c *client.Client, status schema.Status, accounts []schema.Account) []finding {
	var public []netip.Addr
	for _, n := range status.Networks {
		for _, text := range n.Public {
			if addr, err := netip.ParseAddr(text); err == nil {
				public = append(public, addr)
			}
		}
	}
	checks := []func(context.Context) []finding{func(ctx context.Context) []finding { return checkNAT(ctx, public) }}
	for _, a := range accounts {
		checks = append(checks, func(ctx context.Context) []finding {
			settings, err := c.Settings(ctx, a.ID)
			if err != nil || settings["TURN.enable"] != "true" || settings["TURN.server"] == "" {
				return nil
			}
			return []finding{checkRelay(ctx, a.ID, relay.Server{
				Addr: settings["TURN.server"], Username: settings["TURN.username"],
				Password: settings["TURN.password"], Realm: settings["TURN.realm"],
			})}
		})
	}
	return atOnce(ctx, checks...)
}

// checkNAT compares the addresses as which others see this host with its own, and
// if there is a NAT in between, tries whether the router maps ports.
func checkNAT(ctx context.Context, public []netip.Addr) []finding {
	own, _ := net.InterfaceAddrs() // none is as good as an error
	var translated []netip.Addr
	direct := false
	for _, addr := range public {
		switch {
		case !addr.IsGlobalUnicast():
		case slices.ContainsFunc(own, func(a net.Addr) bool { return strings.HasPrefix(a.String(), addr.String()+"/") }):
			direct = true
		default:
			translated = append(translated, addr)
		}
	}
	if len(translated) == 0 {
		if direct {
			return []finding{good("nat", "none: others see an address of this machine")}
		}
		return nil
	}
	m := portmap.New(nil)
	defer m.Close()
	report, err := m.Probe(ctx)
	return []finding{good("nat", "others see this machine as %v", translated[0]), checkMapping(report, err, translated)}
}

// checkMapping judges what came of a mapped port.
func checkMapping(report portmap.Report, err error, seen []netip.Addr) finding {
	const (
		check = "port mapping"
		other = "have the other one map ports or be a bridge, "
		relay = "or use a relay: rollcall account settings TURN.server=HOST TURN.username=NAME TURN.password=PASSWORD"
	)
	if report.Protocol == "" {
		return warning(check, "contacts behind a NAT too cannot connect: turn UPnP or NAT-PMP on at the router, "+relay,
			"no router here maps ports")
	}
	if errors.Is(err, portmap.ErrAddress) {
		return warning(check, other+relay, "the router %v speaks %s, but is itself behind another NAT or not connected", report.Router, report.Protocol)
	}
	if err != nil {
		return warning(check, "let this machine map ports at the router, "+relay,
			"the router %v speaks %s but maps no port: %s", report.Router, report.Protocol, plainText(err.Error()))
	}
	if nat.CheckPublic(report.Public.Addr(), seen) != nil {
		return warning(check, other+relay,
			"the router %v maps ports to %v by %s, but is itself behind another NAT", report.Router, report.Public.Addr(), report.Protocol)
	}
	return good(check, "the router %v maps ports to %v by %s", report.Router, report.Public.Addr(), report.Protocol)
}

// checkRelay sees whether a TURN server relays for an account.
func checkRelay(ctx context.Context, account string, server relay.Server) finding {
	check := "relay of " + account
	start := time.Now()
	ln, err := server.Listen(ctx)
	switch {
	case errors.Is(err, relay.ErrRefused):
		return fault(codeNoAnswer, check, "see TURN.username, TURN.password and TURN.realm in: rollcall account settings", "%s", plainText(err.Error()))
	case err != nil:
		return fault(codeNoAnswer, check, "see TURN.server in: rollcall account settings, and whether TCP passes the firewall", "%s", plainText(err.Error()))
	}
	took := time.Since(start)
	addr := ln.Addr()
	ln.Close()
	return good(check, "%s lets others connect at %v, after %v", plainText(server.Addr), addr, took.Round(time.Millisecond))
}
