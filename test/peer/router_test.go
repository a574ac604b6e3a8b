//go:build peers

package peer

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rollcall/test/leftout"
	"rollcall/test/netns"
	"rollcall/test/peers"
)

// routerPublic is the address of the router on the other side: it maps no ports to
// one that is private.
var routerPublic = netip.MustParseAddr("11.0.0.1")

// igd is miniupnpd, which maps ports of a router.
type igd struct {
	t       *testing.T
	host    *netns.Host
	options []string
	running *exec.Cmd
}

// The ways to talk to it, and what it may be asked for.
const (
	onlyUPnP   = "enable_upnp=yes\nenable_natpmp=no"
	onlyNATPMP = "enable_upnp=no\nenable_natpmp=yes"

	anybody = "allow 1024-65535 192.168.1.0/24 1024-65535"
	nobody  = "deny 0-65535 0.0.0.0/0 0-65535"
)

// newIGD starts one that lasts until the end of the test.
func newIGD(t *testing.T, router *netns.Host, options ...string) *igd {
	t.Helper()
	if _, err := exec.LookPath("miniupnpd"); err != nil {
		leftout.Test(t, "routers", "miniupnpd is not installed (package miniupnpd-nftables)")
	}
	d := &igd{t: t, host: router, options: options}
	d.run("ip", "addr", "add", routerPublic.String()+"/8", "dev", "eth0")
	d.start()
	t.Cleanup(d.stop)
	return d
}

// start starts it without any mapping, as after a power cut.
func (d *igd) start() {
	d.t.Helper()
	const rules = `table inet igd
delete table inet igd
table inet igd {
	chain miniupnpd { }
	chain prerouting_miniupnpd { type nat hook prerouting priority -100; }
	chain postrouting_miniupnpd { }
}
`
	const common = "ext_ifname=eth0\nlistening_ip=eth1\nipv6_disable=yes\nsecure_mode=yes\n" +
		"uuid=7e1d3f7e-0000-4000-8000-000000000001\nupnp_table_name=igd\nupnp_nat_table_name=igd\n"
	dir := d.t.TempDir()
	for name, text := range map[string]string{"rules": rules, "conf": common + strings.Join(d.options, "\n") + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			d.t.Fatal(err)
		}
	}
	d.run("nft", "-f", filepath.Join(dir, "rules"))
	var output strings.Builder
	d.running = exec.Command("miniupnpd", "-d", "-f", filepath.Join(dir, "conf"), "-P", filepath.Join(dir, "pid"))
	d.running.Stdout, d.running.Stderr = &output, &output
	if err := d.host.Start(d.running); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() {
		if d.t.Failed() {
			d.t.Logf("output of miniupnpd:\n%s", &output)
		}
	})
	// It listens at the port of what it speaks, in hexadecimal.
	port := ":076C "
	if strings.Contains(strings.Join(d.options, "\n"), onlyNATPMP) {
		port = ":14E7 "
	}
	ctx, cancel := context.WithTimeout(d.t.Context(), atOnce)
	defer cancel()
	err := peers.Eventually(ctx, func() (listens bool, err error) {
		err = d.host.Do(func() error {
			sockets, err := os.ReadFile("/proc/thread-self/net/udp")
			listens = strings.Contains(string(sockets), port)
			return err
		})
		return listens, err
	})
	if err != nil {
		d.t.Fatalf("miniupnpd does not listen: %v", err)
	}
}

// stop ends it at once.
func (d *igd) stop() {
	_ = d.running.Process.Kill() // it may have ended
	_ = d.running.Wait()
}

// run runs a command on the router and returns its output.
func (d *igd) run(name string, args ...string) string {
	d.t.Helper()
	var out []byte
	err := d.host.Do(func() (err error) {
		out, err = exec.Command(name, args...).CombinedOutput()
		return err
	})
	if err != nil {
		d.t.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
	return string(out)
}

// expect fails the test unless these are the mappings, as "PORT to ADDRESS".
func (d *igd) expect(when string, want ...string) {
	d.t.Helper()
	rules := d.run("nft", "list", "chain", "inet", "igd", "prerouting_miniupnpd")
	found := strings.Count(rules, "dnat")
	for _, mapping := range want {
		port, to, _ := strings.Cut(mapping, " ")
		if !strings.Contains(rules, fmt.Sprintf("dport %s dnat ip %s\n", port, to)) {
			d.t.Errorf("%s: not mapped: %s", when, mapping)
		}
	}
	if found != len(want) {
		d.t.Errorf("%s: %d mappings, want %d:\n%s", when, found, len(want), rules)
	}
}

// TestRouter has a router map ports, in each language it speaks.
func TestRouter(t *testing.T) {
	if os.Getenv(mapperEnv) != "" {
		serveMapper(t)
		return
	}
	public := "ext_ip=" + routerPublic.String()
	for protocol, speaks := range map[string]string{"UPnP": onlyUPnP, "NAT-PMP": onlyNATPMP} {
		t.Run(protocol, func(t *testing.T) { testRouter(t, protocol, speaks, public, anybody) })
		t.Run(protocol+" behind another", func(t *testing.T) {
			testRefused(t, protocol+" 192.168.1.1 none: the router has no address", speaks, anybody)
		})
	}
	t.Run("UPnP of old", func(t *testing.T) { testRouter(t, "UPnP", onlyUPnP, "force_igd_desc_v1=yes", public, anybody) })
	t.Run("UPnP refused", func(t *testing.T) {
		testRefused(t, "UPnP 192.168.1.1 none: refused: error 606", onlyUPnP, public, nobody)
	})
}

func testRouter(t *testing.T, protocol string, options ...string) {
	t.Parallel()
	network := netns.New(t)
	outside := network.HostIPv4()
	router, private := network.NAT()
	inside, neighbour := private.HostIPv4(), private.HostIPv4()
	raiseFirewall(t, inside)
	d := newIGD(t, router, options...)
	m, other := newMapperOn(t, inside, simulatedTime), newMapperOn(t, neighbour, simulatedTime)
	const ours = "5000 to 192.168.1.2:5000"

	m.expect("probe", protocol+" 192.168.1.1 11.0.0.1")
	d.expect("after the probe")
	m.expect("seek", "done")
	m.expect("map 192.168.1.2:5000", "11.0.0.1:5000")
	d.expect("mapped", ours)
	testReached(t, outside, inside, 5000)
	m.expect("pass 1h", "done")
	d.expect("renewed", ours)

	// The port is taken; another does.
	other.expect("seek", "done")
	taken, err := netip.ParseAddrPort(other.ask("map 192.168.1.3:5000"))
	if err != nil || taken.Addr() != routerPublic || taken.Port() == 5000 {
		t.Errorf("a port that is taken is mapped at %v, %v", taken, err)
	}
	d.expect("two hosts", ours, fmt.Sprintf("%d to 192.168.1.3:5000", taken.Port()))
	other.expect("unmap 192.168.1.3:5000", "done")
	d.expect("one left", ours)

	// Started again, it has forgotten what was mapped and may listen elsewhere.
	d.stop()
	d.start()
	d.expect("started again")
	if protocol == "NAT-PMP" {
		// It says for how long it has known what is mapped.
		m.expect("pass 1m", "done")
		m.expect("map 192.168.1.2:5002", "11.0.0.1:5002")
		d.expect("noticed", ours, "5002 to 192.168.1.2:5002")
		m.expect("unmap 192.168.1.2:5002", "done")
	}
	m.expect("pass 10m", "done")
	d.expect("renewed after that", ours)
	other.expect("pass 2m", "done")
	if _, err := netip.ParseAddrPort(other.ask("map 192.168.1.3:5001")); err != nil {
		other.expect("map 192.168.1.3:5001", "11.0.0.1:5001")
	}
	d.expect("found again", ours, "5001 to 192.168.1.3:5001")

	m.expect("close", "done")
	d.expect("one closed", "5001 to 192.168.1.3:5001")
	other.expect("close", "done")
	d.expect("both closed")
}

// testRefused has a router map a port that will not.
func testRefused(t *testing.T, want string, options ...string) {
	t.Parallel()
	router, private := netns.New(t).NAT()
	d := newIGD(t, router, options...)
	m := newMapperOn(t, private.HostIPv4(), realTime)
	got := m.ask("probe")
	for range 2 { // a busy machine may take longer than a search
		if !strings.HasPrefix(got, want) {
			got = m.ask("probe")
		}
	}
	if !strings.HasPrefix(got, want) {
		t.Errorf("probe: %s, want %s", got, want)
	}
	d.expect("refused")
}

// TestMappingByRouter connects two daemons of ours that are both behind a NAT, one
// of which is a router that maps ports.
func TestMappingByRouter(t *testing.T) {
	var d *igd
	made := 0
	hosts := func(n *netns.Network) *netns.Host {
		if made++; made == 1 {
			return n.HostIPv4()
		}
		router, inside := n.NAT()
		if made == 2 {
			d = newIGD(t, router, onlyUPnP, anybody, "ext_ip="+routerPublic.String())
		} else {
			routeToRouter(t, router)
		}
		return inside.HostIPv4()
	}
	meetOn(t, peers.RollcallDaemon("--log-level", "debug"), hosts, func(t *testing.T, ctx context.Context, m meeting) {
		details := map[string]string{"Account.upnpEnabled": "true"}
		if err := m.ours.Call(ctx, configuration, "setAccountDetails", []any{m.ours.ID, details}, nil); err != nil {
			t.Fatal(err)
		}
		testThroughNAT(t, ctx, m, "srflx-srflx")
		if err := m.ours.Terminate(); err != nil {
			t.Error(err)
		}
		d.expect("after the daemon")
	})
}

// raiseFirewall has a host let in connections, and answers by whom was asked: not
// those to a search that went to everybody.
func raiseFirewall(t *testing.T, h *netns.Host) {
	t.Helper()
	err := h.Do(func() error {
		cmd := exec.Command("nft", "-f", "-")
		cmd.Stdin = strings.NewReader(`table inet firewall {
	chain input {
		type filter hook input priority 0
		meta l4proto udp ct state new drop
	}
}
`)
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// testReached connects to a port of the router from outside.
func testReached(t *testing.T, outside, inside *netns.Host, port uint16) {
	t.Helper()
	var ln net.Listener
	err := inside.Do(func() (err error) {
		ln, err = net.Listen("tcp", inside.AddrPort(port).String())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	routeToRouter(t, outside)
	err = outside.Do(func() error {
		c, err := net.DialTimeout("tcp", netip.AddrPortFrom(routerPublic, port).String(), atOnce)
		if err != nil {
			return err
		}
		return c.Close()
	})
	if err != nil {
		t.Error(err)
	}
}

// routeToRouter lets a host reach the public address of the router.
func routeToRouter(t *testing.T, h *netns.Host) {
	t.Helper()
	err := h.Do(func() error {
		out, err := exec.Command("ip", "route", "add", routerPublic.String(), "dev", "eth0").CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
