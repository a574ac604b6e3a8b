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
func findUPnP(ctx context.Context, to netip.AddrPort) (router, error) {
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
	for range 2 { // datagrams get lost
		for _, target := range searchTargets {
			if err := search(socket, to, target); err != nil {
				return nil, err
			}
		}
	}
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

// search asks who is there (UPnP Device Architecture 1.3.2).
func search(socket *net.UDPConn, to netip.AddrPort, target string) error {
	const message = "M-SEARCH * HTTP/1.1\r\nHOST: %v\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: %s\r\n\r\n"
	_, err := socket.WriteToUDPAddrPort(fmt.Appendf(nil, message, to, target), to)
	return err
}

// open looks at the devices that answer until ctx ends, and passes on what they
// are.
func open(ctx context.Context, socket *net.UDPConn, found chan<- result) {
	var tasks sync.WaitGroup
	defer tasks.Wait()
	var locations []string
	buf := make([]byte, maxDatagram)
	for len(locations) < maxAnswers {
		n, from, err := socket.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		location := parseAnswer(buf[:n])
		if location == "" || slices.Contains(locations, location) {
			continue
		}
		locations = append(locations, location)
		tasks.Go(func() {
			r, err := openUPnP(ctx, location, from.Addr().Unmap())
			found <- result{r, err}
		})
	}
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
