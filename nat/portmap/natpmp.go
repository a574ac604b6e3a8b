package portmap

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// natPMP is a router that speaks NAT-PMP (RFC 6886).
type natPMP struct {
	gateway netip.AddrPort
	host    netip.Addr

	mu    sync.Mutex // protects all below
	clock epoch
	lost  bool // since forgot was asked
}

// The requests, and the codes in answers to them (RFC 6886 3.2, 3.3, 3.5).
const (
	natPMPPort = 5351

	opAddress = 0
	opMapTCP  = 2
	isAnswer  = 0x80

	codeSuccess      = 0
	codeUnauthorized = 2
	codeNoNetwork    = 3
	codeNoRoom       = 4
)

// firstWait is how long the first answer is waited for. Each further one is waited
// for twice as long (RFC 6886 3.1).
const firstWait = 250 * time.Millisecond

// findNATPMP sees whether the gateway speaks it.
func findNATPMP(ctx context.Context, gateway netip.AddrPort) (router, error) {
	host, err := localTowards(gateway.Addr())
	if err != nil {
		return nil, err
	}
	r := &natPMP{gateway: gateway, host: host}
	ctx, cancel := context.WithTimeout(ctx, mapTimeout)
	defer cancel()
	addr, err := r.external(ctx)
	if err != nil {
		return nil, err
	}
	if !usable(addr) {
		return nil, &unconnected{r}
	}
	return r, nil
}

func (r *natPMP) protocol() string  { return "NAT-PMP" }
func (r *natPMP) addr() netip.Addr  { return r.gateway.Addr() }
func (r *natPMP) local() netip.Addr { return r.host }

func (r *natPMP) external(ctx context.Context) (netip.Addr, error) {
	answer, err := r.ask(ctx, []byte{0, opAddress})
	if errors.Is(err, codeError(codeNoNetwork)) {
		return netip.Addr{}, nil
	}
	if err != nil {
		return netip.Addr{}, err
	}
	return netip.AddrFrom4([4]byte(answer)), nil
}

func (r *natPMP) add(ctx context.Context, internal, external uint16, life time.Duration) (uint16, time.Duration, error) {
	answer, err := r.ask(ctx, mapRequest(internal, external, life))
	if err != nil {
		return 0, 0, err
	}
	port := binary.BigEndian.Uint16(answer[2:])
	granted := time.Duration(binary.BigEndian.Uint32(answer[4:])) * time.Second
	if port == 0 || granted == 0 {
		return 0, 0, errors.New("no port was mapped")
	}
	return port, min(granted, life), nil
}

func (r *natPMP) remove(ctx context.Context, internal, _ uint16) error {
	_, err := r.ask(ctx, mapRequest(internal, 0, 0))
	return err
}

// mapRequest asks for a mapping, or with a life of 0 for the end of that.
func mapRequest(internal, external uint16, life time.Duration) []byte {
	b := []byte{0, opMapTCP, 0, 0}
	b = binary.BigEndian.AppendUint16(b, internal)
	b = binary.BigEndian.AppendUint16(b, external)
	return binary.BigEndian.AppendUint32(b, uint32(life/time.Second))
}

// codeError is what a router answers that does not do it.
type codeError uint16

func (c codeError) Error() string {
	switch c {
	case codeUnauthorized:
		return "refused: not allowed"
	case codeNoNetwork:
		return ErrAddress.Error()
	case codeNoRoom:
		return "refused: too many ports are mapped"
	}
	return fmt.Sprintf("refused: error %d", uint16(c))
}

// parseNATPMP returns for how long the router has known its mappings, and what
// follows that in its answer. What does not answer the request is errForeign.
func parseNATPMP(b, request []byte) (epoch uint32, body []byte, err error) {
	// Answers to failed requests may end after the time.
	if len(b) < 8 || b[0] != 0 || b[1] != request[1]|isAnswer {
		return 0, nil, errForeign
	}
	epoch, body = binary.BigEndian.Uint32(b[4:]), b[8:]
	if code := binary.BigEndian.Uint16(b[2:]); code != codeSuccess {
		return epoch, nil, codeError(code)
	}
	switch request[1] {
	case opAddress:
		if len(body) == 4 {
			return epoch, body, nil
		}
	case opMapTCP:
		if len(body) == 8 && [2]byte(body) == [2]byte(request[4:]) {
			return epoch, body, nil
		}
	}
	return 0, nil, errForeign
}

// errForeign reports a datagram that answers another request, or none.
var errForeign = errors.New("no answer to the request")

// ask sends a request until it is answered, and returns what follows the time in
// the answer.
func (r *natPMP) ask(ctx context.Context, request []byte) ([]byte, error) {
	// Ports are mapped to the address that asks. It hears nobody but the gateway.
	conn, err := net.DialUDP("udp4", &net.UDPAddr{IP: r.host.AsSlice()}, net.UDPAddrFromAddrPort(r.gateway))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	for wait := firstWait; ; wait *= 2 {
		if _, err := conn.Write(request); err != nil {
			return nil, err
		}
		if err := conn.SetReadDeadline(time.Now().Add(wait)); err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		switch body, err := r.receive(conn, request); {
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return body, err
		case ctx.Err() != nil:
			return nil, ctx.Err()
		}
	}
}

// receive waits for the answer to a request.
func (r *natPMP) receive(conn *net.UDPConn, request []byte) ([]byte, error) {
	buf := make([]byte, maxDatagram)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return nil, err
		}
		seconds, body, err := parseNATPMP(buf[:n], request)
		if errors.Is(err, errForeign) {
			continue
		}
		r.mu.Lock()
		r.lost = !r.clock.continues(seconds, time.Now()) || r.lost
		r.mu.Unlock()
		return body, err
	}
}

func (r *natPMP) forgot() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	lost := r.lost
	r.lost = false
	return lost
}

// epoch follows the seconds for which a router has known its mappings.
type epoch struct {
	seconds uint32
	at      time.Time // zero before the first answer
}

// continues notes what a router said and reports whether it still knows what it
// knew before, which it does not when its clock was set back (RFC 6886 3.6).
func (e *epoch) continues(seconds uint32, now time.Time) bool {
	const slack = 2 * time.Second // for rounding
	before := *e
	*e = epoch{seconds, now}
	if before.at.IsZero() {
		return true
	}
	expected := time.Duration(before.seconds)*time.Second + now.Sub(before.at)*7/8 - slack
	return time.Duration(seconds)*time.Second >= expected
}
