package portmap

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// envelope is an answer of a device to a request.
const envelope = `<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Body>%s</Body></Envelope>`

// openDevice looks at a device on loopback. Only one without an end needs a limit
// that is short.
func openDevice(t *testing.T, limit time.Duration, h http.HandlerFunc) (router, error) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	return openUPnP(ctx, server.URL+"/device.xml", loopback)
}

// enough is time for what ends by itself.
const enough = time.Minute

// TestTalksToNobodyElse has devices point at another host, in every way.
func TestTalksToNobodyElse(t *testing.T) {
	var visits atomic.Int32
	ln, err := net.Listen("tcp", "127.0.53.99:0")
	if err != nil {
		t.Fatal(err)
	}
	victim := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visits.Add(1) })}
	go func() { _ = victim.Serve(ln) }() // until it is closed
	t.Cleanup(func() { victim.Close() })
	elsewhere := "http://" + ln.Addr().String()

	withBase := strings.Replace(fmt.Sprintf(deviceXML, "control"), "<device>", "<URLBase>"+elsewhere+"/</URLBase><device>", 1)
	tests := map[string]http.HandlerFunc{
		"described by a redirection": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere, http.StatusFound)
		},
		"controlled at another base": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, withBase) },
		"controlled at a name":       func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, deviceXML, "//localhost/control") },
		"controlled as another user": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, deviceXML, "http://127.0.0.1@"+ln.Addr().String()+"/control")
		},
		"controlled by a redirection": func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				fmt.Fprintf(w, deviceXML, "/control")
				return
			}
			http.Redirect(w, r, elsewhere, http.StatusTemporaryRedirect)
		},
	}
	for name, device := range tests {
		t.Run(name, func(t *testing.T) {
			if r, err := openDevice(t, enough, device); err == nil || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("found %v, %v", r, err)
			}
			if visits.Load() != 0 {
				t.Error("another host was talked to")
			}
		})
	}
}

// TestHostileAnswers finds no router among devices that say too much.
func TestHostileAnswers(t *testing.T) {
	describe := func(document string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, document) }
	}
	address := func(addr string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				fmt.Fprintf(w, deviceXML, "/control")
				return
			}
			fmt.Fprintf(w, envelope, "<R><NewExternalIPAddress>"+addr+"</NewExternalIPAddress></R>")
		}
	}
	laughs := `<!DOCTYPE root [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>`
	tests := map[string]http.HandlerFunc{
		"entities":       describe(strings.Replace(fmt.Sprintf(deviceXML, "/&c;"), "<root", laughs+"<root", 1)),
		"nested devices": describe("<root>" + strings.Repeat("<device><deviceList>", 6000)),
		"another port":   describe(fmt.Sprintf(deviceXML, "http://127.0.0.1:99999/")),
		"a loopback":     address("127.0.0.1"),
		"a broadcast":    address("255.255.255.255"),
		"a link":         address("169.254.1.1"),
		"a zone":         address("2001:db8::1%25a=candidate"),
		"a number":       address("3405803781"),
		"a long head": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Server", strings.Repeat("x", 2*maxHeader))
			fmt.Fprintf(w, deviceXML, "/control")
		},
	}
	for name, device := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if r, err := openDevice(t, enough, device); err == nil || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("found %v, %v", r, err)
			}
		})
	}
}

// TestSloppyDescriptions understands devices that are not careful, but clear.
func TestSloppyDescriptions(t *testing.T) {
	plain := fmt.Sprintf(deviceXML, "/control")
	replace := func(old, with string) string { return strings.Replace(plain, old, with, 1) }
	for name, document := range map[string]string{
		"another character set": replace(`"1.0"`, `"1.0" encoding="ISO-8859-1"`) + "<!-- f\xfcr alle -->",
		"a bare ampersand":      replace("<device>", "<device><friendlyName>Home & more</friendlyName>"),
		"without a slash":       fmt.Sprintf(deviceXML, "control"),
		"spelt out":             fmt.Sprintf(deviceXML, "http://127.0.0.1:8080/control"),
		"its base":              replace("<device>", "<URLBase>http://127.0.0.1:8080/</URLBase><device>"),
		"the base of another":   replace("<device>", "<URLBase>http://192.0.2.1:8080/</URLBase><device>"),
		"two versions": replace("<serviceList>", "<serviceList><service><serviceType>urn:schemas-upnp-org:service:WANPPPConnection:1</serviceType>"+
			"<controlURL>/other</controlURL></service>"),
	} {
		t.Run(name, func(t *testing.T) {
			at := &url.URL{Scheme: "http", Host: "127.0.0.1:8080", Path: "/device.xml"}
			found, err := parseDevice(strings.NewReader(document), at, loopback)
			if err != nil || len(found) == 0 {
				t.Fatalf("%v, %v", found, err)
			}
			if got := found[0].ControlURL.URL.String(); got != "http://127.0.0.1:8080/control" {
				t.Errorf("controlled at %s", got)
			}
		})
	}
}

func FuzzDevice(f *testing.F) {
	f.Add([]byte(fmt.Sprintf(deviceXML, "/control")))
	f.Add([]byte(`<?xml version="1.0" encoding="latin1"?><root><URLBase>http://192.0.2.1</URLBase><device></root>`))
	f.Fuzz(func(t *testing.T, document []byte) {
		at := &url.URL{Scheme: "http", Host: "127.0.0.1:8080", Path: "/device.xml"}
		found, err := parseDevice(bytes.NewReader(document), at, loopback)
		if len(found) > maxServices || err != nil && found != nil {
			t.Fatalf("%d services, %v", len(found), err)
		}
		for _, s := range found {
			u := s.ControlURL.URL
			if addr, err := netip.ParseAddr(u.Hostname()); err != nil || addr.Unmap() != loopback || u.Scheme != "http" {
				t.Fatalf("controlled at %v", &u)
			}
		}
	})
}

// TestEndlessAnswer gives up on a device in time.
func TestEndlessAnswer(t *testing.T) {
	_, err := openDevice(t, 100*time.Millisecond, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, " "); err != nil || http.NewResponseController(w).Flush() != nil {
				return
			}
		}
	})
	if err == nil {
		t.Error("a device without an end was read to it")
	}
}

// TestManyServices tries a few services of a device only.
func TestManyServices(t *testing.T) {
	var tried atomic.Int32
	document := fmt.Sprintf(deviceXML, "/control")
	begin, end := strings.Index(document, "<service>"), strings.Index(document, "</serviceList>")
	document = document[:begin] + strings.Repeat(document[begin:end], 500) + document[end:]
	_, err := openDevice(t, enough, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			fmt.Fprint(w, document)
			return
		}
		tried.Add(1)
		fmt.Fprintf(w, envelope, "")
	})
	if n := tried.Load(); err == nil || n != maxServices {
		t.Errorf("%d services tried, %v", n, err)
	}
}

// TestManyAnswers finds the router though another device answers over and over.
func TestManyAnswers(t *testing.T) {
	var answers []string
	for i := range 50 {
		answers = append(answers, fmt.Sprintf("HTTP/1.1 200 OK\r\nLOCATION: http://127.0.53.98/%d\r\n\r\n", i))
	}
	d := newIGD(t, "")
	// The crowd is at an address of its own and answers first.
	searched, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	if err != nil {
		t.Fatal(err)
	}
	crowd, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 53, 98)})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { searched.Close(); crowd.Close(); <-done })
	go func() {
		defer close(done)
		buf := make([]byte, maxDatagram)
		n, from, err := searched.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		for _, answer := range answers {
			_, _ = crowd.WriteToUDPAddrPort([]byte(answer), from)
		}
		_, _ = searched.WriteToUDPAddrPort(buf[:n], from) // no answer at all
		_, _ = searched.WriteToUDPAddrPort([]byte(d.answer), from)
	}()
	r, err := findUPnP(t.Context(), searched.LocalAddr().(*net.UDPAddr).AddrPort())
	if err != nil || r.addr() != loopback {
		t.Errorf("%v, %v", r, err)
	}
}

func TestNear(t *testing.T) {
	for addr, want := range map[string]bool{"192.168.1.1": true, "10.0.0.1": true, "127.0.0.1": true, "8.8.8.8": false, "2001:db8::1": false} {
		if got := near(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %v", addr, got)
		}
	}
}

// TestLongError cuts short what a device says went wrong.
func TestLongError(t *testing.T) {
	for name, text := range map[string]string{
		"refusal": "<Fault><detail><UPnPError><errorCode>606</errorCode><errorDescription>" + strings.Repeat("no\n", 30000) + "</errorDescription></UPnPError></detail></Fault>",
		"other":   "<R><" + strings.Repeat("x", 100000) + "</R>",
	} {
		t.Run(name, func(t *testing.T) {
			r, err := openDevice(t, enough, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					fmt.Fprintf(w, deviceXML, "/control")
				} else if strings.Contains(r.Header.Get("SOAPACTION"), "GetExternalIPAddress") {
					fmt.Fprintf(w, envelope, "<R><NewExternalIPAddress>203.0.113.5</NewExternalIPAddress></R>")
				} else {
					w.WriteHeader(http.StatusInternalServerError)
					fmt.Fprintf(w, envelope, text)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = r.add(t.Context(), 5000, 5000, lifetime)
			if err == nil || len(err.Error()) > 3*maxErrorText {
				t.Errorf("%d bytes: %.300v", len(fmt.Sprint(err)), err)
			}
		})
	}
}

// TestStrayAnswers passes over what a gateway did not answer to the request.
func TestStrayAnswers(t *testing.T) {
	gw := netip.MustParseAddr("127.0.53.20")
	right := func(request []byte) []byte {
		if len(request) == 2 {
			return []byte{0, 0x80, 0, 0, 0, 0, 0, 1, 203, 0, 113, 7}
		}
		b := append([]byte{0, 0x82, 0, 0, 0, 0, 0, 1}, request[4:6]...)
		b = append(b, 0x12, 0x34)
		return append(b, 0xff, 0xff, 0xff, 0xff)
	}
	wrong := func(request []byte) []byte {
		b := right(request)
		b[len(b)-5]++ // address or port
		return b
	}
	stranger, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 53, 21), Port: natPMPPort})
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: gw.AsSlice(), Port: natPMPPort})
	if err != nil {
		t.Fatal(err)
	}
	otherPort, err := net.ListenUDP("udp4", &net.UDPAddr{IP: gw.AsSlice()})
	if err != nil {
		t.Fatal(err)
	}
	defer otherPort.Close()
	done := make(chan struct{})
	t.Cleanup(func() { socket.Close(); <-done })
	go func() {
		defer close(done)
		buf := make([]byte, 100)
		for {
			n, from, err := socket.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			request := buf[:n]
			for _, s := range []*net.UDPConn{stranger, otherPort} {
				_, _ = s.WriteToUDPAddrPort(wrong(request), from)
			}
			other := right(request)
			other[1] ^= 3 // another operation
			answer := right(request)
			for _, b := range [][]byte{nil, {0}, other, answer[:8], append(right(request), 0), append([]byte{2}, answer[1:]...), answer} {
				_, _ = socket.WriteToUDPAddrPort(b, from)
			}
		}
	}()
	r, err := findNATPMP(t.Context(), netip.AddrPortFrom(gw, natPMPPort))
	if err != nil {
		t.Fatal(err)
	}
	if addr, err := r.external(t.Context()); err != nil || addr != netip.MustParseAddr("203.0.113.7") {
		t.Errorf("%v, %v", addr, err)
	}
	port, life, err := r.add(t.Context(), 5000, 5000, lifetime)
	if err != nil || port != 0x1234 || life != lifetime {
		t.Errorf("%d for %v, %v", port, life, err)
	}
}

func FuzzNATPMP(f *testing.F) {
	f.Add([]byte{0, 0x82, 0, 0, 0, 0, 0, 1, 0x13, 0x88, 0x12, 0x34, 0, 0, 2, 88})
	f.Add([]byte{0, 0x80, 0, 0, 0, 0, 0, 1, 203, 0, 113, 7})
	f.Add([]byte{0, 0x82, 0, 2, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, request := range [][]byte{{0, opAddress}, mapRequest(5000, 5000, lifetime)} {
			_, body, err := parseNATPMP(b, request)
			if err == nil && (len(b) != 8+len(body) || binary.BigEndian.Uint16(b[2:]) != codeSuccess || request[1]|isAnswer != b[1]) {
				t.Fatalf("%x answers %x", b, request)
			}
		}
	})
}
