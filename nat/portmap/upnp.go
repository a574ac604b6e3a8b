package portmap

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/huin/goupnp"
	"github.com/huin/goupnp/soap"
)

// services are those that map ports, the best first.
var services = []string{
	"urn:schemas-upnp-org:service:WANIPConnection:2",
	"urn:schemas-upnp-org:service:WANIPConnection:1",
	"urn:schemas-upnp-org:service:WANPPPConnection:1",
}

// Error codes of AddPortMapping (WANIPConnection:2 2.5.16).
const (
	conflictInMapping   = 718
	onlyPermanentLeases = 725
	conflictElsewhere   = 729 // with a mapping made in another way, or a port of the router's own
)

// description names our mappings in the user interface of routers.
const description = "Rollcall"

// upnp is a router that speaks UPnP.
type upnp struct {
	at, host netip.Addr
	service  string
	client   *soap.SOAPClient
}

// deviceTransport carries requests to devices: one each, without proxies, and with
// answers of bounded size.
var deviceTransport = bounded{&http.Transport{DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: maxHeader}}

type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.next.RoundTrip(r)
	if err == nil {
		response.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(response.Body, maxDocument), response.Body}
	}
	return response, err
}

// deviceClient follows no redirection: where a device is, it said already.
var deviceClient = http.Client{
	Transport:     deviceTransport,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// openUPnP reads the description of a device and sees whether it maps ports. All
// of it must be at the address that answered the search: else anybody on the
// network could have us talk to others.
func openUPnP(ctx context.Context, location string, from netip.Addr) (router, error) {
	at, err := url.Parse(location)
	if err != nil || !sameHost(at, from) {
		return nil, errors.New("a device that is described elsewhere")
	}
	found, err := describe(ctx, at, from)
	if err != nil {
		return nil, err
	}
	host, err := localTowards(from)
	if err != nil {
		return nil, err
	}
	err = errors.New("a device that maps no ports")
	for _, service := range found {
		r := &upnp{at: from, host: host, service: service.ServiceType, client: soap.NewSOAPClient(service.ControlURL.URL)}
		r.client.HTTPClient = deviceClient
		var addr netip.Addr
		if addr, err = r.external(ctx); err == nil {
			if usable(addr) {
				return r, nil
			}
			err = &unconnected{r}
		}
	}
	return nil, err
}

func sameHost(u *url.URL, host netip.Addr) bool {
	addr, err := netip.ParseAddr(u.Hostname())
	return err == nil && u.Scheme == "http" && addr.Unmap() == host
}

// describe returns the services of a device that map ports, the best first.
func describe(ctx context.Context, at *url.URL, host netip.Addr) ([]*goupnp.Service, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	response, err := deviceClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("no description: %s", response.Status)
	}
	return parseDevice(response.Body, at, host)
}

// parseDevice returns the services of a device that map ports and are controlled at
// its host, the best first. The names of devices are often in other character sets,
// or not even XML; nothing of that is of use here.
func parseDevice(document io.Reader, at *url.URL, host netip.Addr) ([]*goupnp.Service, error) {
	root := new(goupnp.RootDevice)
	d := xml.NewDecoder(document)
	d.DefaultSpace = goupnp.DeviceXMLNamespace
	d.Strict = false
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return ascii{in}, nil }
	if err := d.Decode(root); err != nil {
		return nil, fmt.Errorf("no description: %w", err)
	}
	if base, err := url.Parse(root.URLBaseStr); err == nil && sameHost(base, host) {
		at = base
	}
	root.SetURLBase(at)
	var found []*goupnp.Service
	for _, name := range services {
		for _, s := range root.Device.FindService(name) {
			if s.ControlURL.Ok && sameHost(&s.ControlURL.URL, host) && len(found) < maxServices {
				found = append(found, s)
			}
		}
	}
	return found, nil
}

// ascii reads text of a character set that has ASCII in it, and the rest as
// question marks.
type ascii struct{ io.Reader }

func (a ascii) Read(p []byte) (int, error) {
	n, err := a.Reader.Read(p)
	for i, c := range p[:n] {
		if c >= utf8.RuneSelf {
			p[i] = '?'
		}
	}
	return n, err
}

func (r *upnp) protocol() string  { return "UPnP" }
func (r *upnp) addr() netip.Addr  { return r.at }
func (r *upnp) local() netip.Addr { return r.host }

// forgot is never known by what it answers.
func (r *upnp) forgot() bool { return false }

func (r *upnp) external(ctx context.Context) (netip.Addr, error) {
	answer := struct{ NewExternalIPAddress string }{}
	if err := r.perform(ctx, "GetExternalIPAddress", nil, &answer); err != nil {
		return netip.Addr{}, err
	}
	addr, err := netip.ParseAddr(answer.NewExternalIPAddress)
	if err != nil {
		return netip.Addr{}, nil // often it is empty then
	}
	return addr.Unmap(), nil
}

func (r *upnp) add(ctx context.Context, internal, external uint16, life time.Duration) (uint16, time.Duration, error) {
	seconds := int(life / time.Second)
	var err error
	for range portTries {
		if err = r.addPort(ctx, internal, external, seconds); err == nil {
			return external, life, nil
		}
		switch code(err) {
		case onlyPermanentLeases:
			seconds = 0
		case conflictInMapping, conflictElsewhere:
			external = uint16(firstPort + rand.IntN(1<<16-firstPort))
		default:
			return 0, 0, err
		}
	}
	return 0, 0, err
}

// firstPort is where the ports begin that belong to nobody (RFC 6335 6).
const firstPort = 49152

func (r *upnp) addPort(ctx context.Context, internal, external uint16, seconds int) error {
	request := struct {
		NewRemoteHost, NewExternalPort, NewProtocol, NewInternalPort, NewInternalClient string
		NewEnabled, NewPortMappingDescription, NewLeaseDuration                         string
	}{
		NewExternalPort: port(external), NewProtocol: "TCP", NewInternalPort: port(internal), NewInternalClient: r.host.String(),
		NewEnabled: "1", NewPortMappingDescription: description, NewLeaseDuration: strconv.Itoa(seconds),
	}
	return r.perform(ctx, "AddPortMapping", &request, nil)
}

func (r *upnp) remove(ctx context.Context, _, external uint16) error {
	request := struct{ NewRemoteHost, NewExternalPort, NewProtocol string }{"", port(external), "TCP"}
	return r.perform(ctx, "DeletePortMapping", &request, nil)
}

func port(n uint16) string { return strconv.Itoa(int(n)) }

// refusal is an error that a device told (UPnP Device Architecture 3.2.5).
type refusal struct {
	code int
	text string
}

func (r *refusal) Error() string { return fmt.Sprintf("refused: error %d %q", r.code, r.text) }

// perform has the device do something. What it says in errors is cut short.
func (r *upnp) perform(ctx context.Context, action string, request, answer any) error {
	err := r.client.PerformActionCtx(ctx, r.service, action, request, answer)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var fault *soap.SOAPFaultError
	if errors.As(err, &fault) {
		told := fault.Detail.UPnPError
		return &refusal{told.Errorcode, told.ErrorDescription[:min(len(told.ErrorDescription), maxErrorText)]}
	}
	text := err.Error()
	return errors.New(text[:min(len(text), maxErrorText)])
}

// code returns the code of an error that a device told, 0 for others.
func code(err error) int {
	var told *refusal
	if errors.As(err, &told) {
		return told.code
	}
	return 0
}
