package portmap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var loopback = netip.MustParseAddr("127.0.0.1")

// igd is an Internet Gateway Device on loopback.
type igd struct {
	ssdp   netip.AddrPort
	answer string // to searches

	mu       sync.Mutex
	mappings map[string]string // external port -> host:port
	leases   map[string]string
	refuse   func(action string, args map[string]string) int // an error code, or 0
	changed  chan struct{}                                   // has room for one
}

const deviceXML = `<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0"><device>
<deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:1</deviceType><deviceList><device>
<deviceType>urn:schemas-upnp-org:device:WANConnectionDevice:1</deviceType><serviceList><service>
<serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType><controlURL>%s</controlURL>
</service></serviceList></device></deviceList></device></root>`

// newIGD starts one that answers searches with the location that it is given, or
// its own.
func newIGD(t *testing.T, location string) *igd {
	t.Helper()
	d := &igd{mappings: make(map[string]string), leases: make(map[string]string), changed: make(chan struct{}, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /device.xml", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, deviceXML, "/control") })
	mux.HandleFunc("POST /control", d.control)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	if location == "" {
		location = server.URL + "/device.xml"
	}
	d.answer = "HTTP/1.1 200 OK\r\nLOCATION: " + location + "\r\nST: upnp:rootdevice\r\n\r\n"
	d.ssdp = answerSearches(t, d.answer)
	return d
}

// answerSearches runs what answers each search with these datagrams.
func answerSearches(t *testing.T, answers ...string) netip.AddrPort {
	t.Helper()
	socket, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	if err != nil {
		t.Fatal(err)
	}
	var tasks sync.WaitGroup
	tasks.Go(func() {
		buf := make([]byte, 2000)
		for {
			n, from, err := socket.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			if strings.HasPrefix(string(buf[:n]), "M-SEARCH * HTTP/1.1\r\n") {
				for _, answer := range answers {
					_, _ = socket.WriteToUDPAddrPort([]byte(answer), from)
				}
			}
		}
	})
	t.Cleanup(func() { socket.Close(); tasks.Wait() })
	return socket.LocalAddr().(*net.UDPAddr).AddrPort()
}

func (d *igd) control(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	_, action, _ := strings.Cut(strings.Trim(r.Header.Get("SOAPACTION"), `"`), "#")
	args := make(map[string]string)
	for _, name := range []string{"NewExternalPort", "NewProtocol", "NewInternalPort", "NewInternalClient", "NewLeaseDuration"} {
		_, after, _ := strings.Cut(string(body), "<"+name+">")
		args[name], _, _ = strings.Cut(after, "</"+name+">")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	const envelope = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>%s</s:Body></s:Envelope>`
	if d.refuse != nil {
		if code := d.refuse(action, args); code != 0 {
			w.WriteHeader(http.StatusInternalServerError)
			fmt.Fprintf(w, envelope, fmt.Sprintf("<s:Fault><detail><UPnPError><errorCode>%d</errorCode></UPnPError></detail></s:Fault>", code))
			return
		}
	}
	answer := ""
	switch action {
	case "GetExternalIPAddress":
		answer = "<NewExternalIPAddress>203.0.113.5</NewExternalIPAddress>"
	case "AddPortMapping":
		d.mappings[args["NewExternalPort"]] = args["NewInternalClient"] + ":" + args["NewInternalPort"]
		d.leases[args["NewExternalPort"]] = args["NewLeaseDuration"]
	case "DeletePortMapping":
		delete(d.mappings, args["NewExternalPort"])
	}
	select {
	case d.changed <- struct{}{}:
	default:
	}
	fmt.Fprintf(w, envelope, "<u:"+action+"Response>"+answer+"</u:"+action+"Response>")
}

// mapped returns where a port leads to.
func (d *igd) mapped(port uint16) (to, lease string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mappings[fmt.Sprint(port)], d.leases[fmt.Sprint(port)]
}

func (d *igd) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.mappings)
}

// mapper returns one that knows its router.
func mapper(t *testing.T, find func(context.Context) (router, error)) *Mapper {
	t.Helper()
	m := newMapper(nil, find)
	t.Cleanup(func() { m.Close() })
	m.Seek()
	m.tasks.Wait()
	return m
}

func (d *igd) find(ctx context.Context) (router, error) { return findUPnP(ctx, d.ssdp) }

func TestUPnP(t *testing.T) {
	tests := []struct {
		name   string
		refuse func(action string, args map[string]string) int
		port   uint16 // 0: another than asked for
		lease  string
		err    bool
	}{
		{"maps", nil, 5000, "600", false},
		{"only for good", func(action string, args map[string]string) int {
			if action == "AddPortMapping" && args["NewLeaseDuration"] != "0" {
				return onlyPermanentLeases
			}
			return 0
		}, 5000, "0", false},
		{"port taken", func(action string, args map[string]string) int {
			if action == "AddPortMapping" && args["NewExternalPort"] == "5000" {
				return conflictInMapping
			}
			return 0
		}, 0, "600", false},
		{"port of the router", func(action string, args map[string]string) int {
			if action == "AddPortMapping" && args["NewExternalPort"] == "5000" {
				return conflictElsewhere
			}
			return 0
		}, 0, "600", false},
		{"every port taken", func(action string, _ map[string]string) int {
			if action == "AddPortMapping" {
				return conflictInMapping
			}
			return 0
		}, 0, "", true},
		{"not allowed", func(action string, _ map[string]string) int {
			if action == "AddPortMapping" {
				return 606
			}
			return 0
		}, 0, "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newIGD(t, "")
			d.refuse = tt.refuse
			m := mapper(t, d.find)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			public, err := m.Map(ctx, netip.AddrPortFrom(loopback, 5000))
			if (err != nil) != tt.err {
				t.Fatal(err)
			}
			if err != nil {
				if m.router != nil {
					t.Error("a router that does not map is asked again")
				}
				return
			}
			if public.Addr().String() != "203.0.113.5" || tt.port != 0 && public.Port() != tt.port {
				t.Errorf("mapped at %v", public)
			}
			to, lease := d.mapped(public.Port())
			if to != "127.0.0.1:5000" || lease != tt.lease {
				t.Errorf("leads to %q for %q", to, lease)
			}
			cancel()
			for d.count() > 0 {
				<-d.changed
			}
		})
	}
}

func TestCloseRemoves(t *testing.T) {
	d := newIGD(t, "")
	m := mapper(t, d.find)
	for port := range uint16(3) {
		if _, err := m.Map(t.Context(), netip.AddrPortFrom(loopback, 5000+port)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.Map(t.Context(), netip.MustParseAddrPort("127.0.0.2:5000")); !errors.Is(err, ErrElsewhere) {
		t.Errorf("another address: %v", err)
	}
	if _, err := m.Map(t.Context(), netip.AddrPortFrom(loopback, 0)); !errors.Is(err, errNoPort) {
		t.Errorf("no port: %v", err)
	}
	if d.count() != 3 {
		t.Errorf("%d mappings", d.count())
	}
	m.Close()
	if d.count() != 0 {
		t.Errorf("%d mappings are left", d.count())
	}
	if _, err := m.Map(t.Context(), netip.AddrPortFrom(loopback, 5000)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after close: %v", err)
	}
}

func TestProbe(t *testing.T) {
	d := newIGD(t, "")
	m := newMapper(nil, d.find)
	defer m.Close()
	r, err := m.Probe(t.Context())
	if err != nil || r.Protocol != "UPnP" || r.Router != loopback || !r.Public.IsValid() || d.count() != 0 {
		t.Errorf("%+v, %v, %d left", r, err, d.count())
	}
}

// TestHostileDevices finds no router among them, and that soon.
func TestHostileDevices(t *testing.T) {
	serve := func(t *testing.T, h http.HandlerFunc) string {
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		return server.URL
	}
	tests := []struct {
		name     string
		location func(t *testing.T) string
	}{
		{"described elsewhere", func(*testing.T) string { return "http://192.0.2.1/device.xml" }},
		{"described by name", func(*testing.T) string { return "http://localhost:1/device.xml" }},
		{"described in a file", func(*testing.T) string { return "file:///etc/passwd" }},
		{"redirects in circles", func(t *testing.T) string {
			return serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) })
		}},
		{"controlled elsewhere", func(t *testing.T) string {
			return serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, deviceXML, "http://192.0.2.1/control") })
		}},
		{"without end", func(t *testing.T) string {
			return serve(t, func(w http.ResponseWriter, r *http.Request) {
				for r.Context().Err() == nil {
					if _, err := io.WriteString(w, strings.Repeat("<device>", 1000)); err != nil {
						return
					}
				}
			})
		}},
		{"slow", func(t *testing.T) string {
			return serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		}},
		{"without an address", func(t *testing.T) string {
			return serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					fmt.Fprintf(w, deviceXML, "/control")
					return
				}
				fmt.Fprint(w, `<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Body><R><NewExternalIPAddress>0.0.0.0</NewExternalIPAddress></R></Body></Envelope>`)
			})
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			at := answerSearches(t, "nonsense", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nLOCATION: "+tt.location(t)+"\r\n\r\n")
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			start := time.Now()
			if r, err := findUPnP(ctx, at); err == nil {
				t.Errorf("found %v", r)
			}
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nLOCATION: http://192.0.2.1/device.xml\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if at := parseAnswer(b); len(at) > len(b) {
			t.Fatalf("%d bytes of %d", len(at), len(b))
		}
	})
}
