package portmap

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// searchTargets are the devices that have the services.
var searchTargets = []string{
	"urn:schemas-upnp-org:device:InternetGatewayDevice:1",
	"urn:schemas-upnp-org:device:InternetGatewayDevice:2",
}

// findUPnP searches for devices, and returns the first that maps ports.
func findUPnP(ctx context.Context, to ...netip.AddrPort) (router, error) {
	var tasks sync.WaitGroup
	defer tasks.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	socket, err := net.ListenUDP("udp4", nil)
	if err != nil {
		return nil, err
	}
	defer socket.Close()
	stop := context.AfterFunc(ctx, func() { _ = socket.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := search(socket, to); err != nil {
		return nil, err
	}
	tasks.Go(func() {
		// Datagrams get lost.
		select {
		case <-time.After(searchAgain):
			_ = search(socket, to)
		case <-ctx.Done():
		}
	})
	found := make(chan result, maxAnswers) // room for all
	tasks.Go(func() {
		open(ctx, socket, found)
		close(found)
	})
	errs := []error{errors.New("no UPnP device that maps ports")}
	for r := range found {
		if r.err == nil {
			return r.router, nil
		}
		errs = append(errs, r.err)
	}
	return nil, errors.Join(errs...)
}

// search asks who is there (UPnP Device Architecture 1.3.2). It fails if nobody can
// be asked.
func search(socket *net.UDPConn, to []netip.AddrPort) error {
	const message = "M-SEARCH * HTTP/1.1\r\nHOST: %v\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: %s\r\n\r\n"
	var failed error
	asked := false
	for _, addr := range to {
		for _, target := range searchTargets {
			if _, err := socket.WriteToUDPAddrPort(fmt.Appendf(nil, message, addr, target), addr); err != nil {
				failed = err
			} else {
				asked = true
			}
		}
	}
	if asked {
		return nil
	}
	return failed
}

// open looks at the devices that answer until ctx ends, and passes on what they
// are.
func open(ctx context.Context, socket *net.UDPConn, found chan<- result) {
	var tasks sync.WaitGroup
	defer tasks.Wait()
	var c crowd
	buf := make([]byte, maxDatagram)
	for !c.full() {
		n, from, err := socket.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		addr := from.Addr().Unmap()
		location := parseAnswer(buf[:n])
		if location == "" || !near(addr) || !c.admit(addr, location) {
			continue
		}
		tasks.Go(func() {
			r, err := openUPnP(ctx, location, addr)
			found <- result{r, err}
		})
	}
}

// crowd is the devices that are looked at. One that answers often does not keep
// out the others.
type crowd struct {
	locations []string
	addrs     []netip.Addr // of each
}

func (c *crowd) full() bool { return len(c.locations) == maxAnswers }

// admit reports whether to look at a device, and counts it.
func (c *crowd) admit(addr netip.Addr, location string) bool {
	same := 0
	for i := range c.addrs {
		if c.locations[i] == location {
			return false
		}
		if c.addrs[i] == addr {
			same++
		}
	}
	if same == maxAnswersEach {
		return false
	}
	c.locations, c.addrs = append(c.locations, location), append(c.addrs, addr)
	return true
}

// near reports whether an address may be of this network. Routers of others do not
// map ports for us, whatever they say.
func near(addr netip.Addr) bool {
	if addr.IsPrivate() {
		return true
	}
	own, _ := net.InterfaceAddrs() // without any, nothing is near
	return slices.ContainsFunc(own, func(a net.Addr) bool {
		network, err := netip.ParsePrefix(a.String())
		return err == nil && network.Contains(addr)
	})
}

// parseAnswer returns where the device that answered is described, "" if that is
// no answer.
func parseAnswer(b []byte) string {
	response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(b)), nil)
	if err != nil {
		return ""
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return ""
	}
	return response.Header.Get("Location")
}
