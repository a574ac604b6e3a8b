package http

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"net"
	nethttp "net/http"
	"strings"

	"rollcall/api/http/endpoint"
	"rollcall/api/http/schema"
)

// guard lets through what clients of the user send (threat A17). A web page can
// make a browser send requests here, but not without an Origin or with a Host
// that is ours; other users of the machine know no token.
type guard struct {
	hosts []string
	token *[sha256.Size]byte // nil: none is wanted
	next  nethttp.Handler
}

func newGuard(at endpoint.Endpoint, token string, next nethttp.Handler) *guard {
	g := &guard{hosts: []string{"localhost", "rollcall"}, next: next}
	if at.Network == "tcp" {
		_, port, _ := net.SplitHostPort(at.Address)
		g.hosts = []string{at.Address, net.JoinHostPort("localhost", port)}
		sum := sha256.Sum256([]byte(token))
		g.token = &sum
	}
	return g
}

func (g *guard) ServeHTTP(w nethttp.ResponseWriter, r *nethttp.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	if fault := g.foreign(r); fault != nil {
		writeProblem(w, nethttp.StatusForbidden, *fault)
		return
	}
	if !g.authorized(r) {
		w.Header().Set("WWW-Authenticate", "Bearer")
		writeProblem(w, nethttp.StatusUnauthorized, schema.Fault{
			Location: "header.Authorization",
			Message:  "want Bearer and the token in the daemon's data directory",
		})
		return
	}
	r.Body = nethttp.MaxBytesReader(w, r.Body, maxArchiveBody)
	g.next.ServeHTTP(w, r)
}

// foreign finds what makes a request one that a web page has caused.
func (g *guard) foreign(r *nethttp.Request) *schema.Fault {
	known := false
	for _, host := range g.hosts {
		known = known || strings.EqualFold(r.Host, host)
	}
	if !known {
		return &schema.Fault{Location: "header.Host", Value: shown(r.Host), Message: "want " + strings.Join(g.hosts, " or ")}
	}
	if origin := r.Header.Get("Origin"); origin != "" && !strings.EqualFold(origin, "http://"+r.Host) {
		return &schema.Fault{Location: "header.Origin", Value: shown(origin), Message: "requests of other web sites are refused"}
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		return &schema.Fault{Location: "header.Sec-Fetch-Site", Value: shown(site), Message: "requests of other web sites are refused"}
	}
	return nil
}

// authorized compares digests, so that neither content nor length of the token
// shows in the time it takes.
func (g *guard) authorized(r *nethttp.Request) bool {
	if g.token == nil {
		return true
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	sum := sha256.Sum256([]byte(token))
	return strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare(sum[:], g.token[:]) == 1
}

// writeProblem answers with an error that no operation of the API made.
func writeProblem(w nethttp.ResponseWriter, status int, faults ...schema.Fault) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	// The client is gone if this fails.
	_ = json.NewEncoder(w).Encode(schema.Problem{
		Title: nethttp.StatusText(status), Status: status, Detail: strings.ToLower(nethttp.StatusText(status)), Errors: faults,
	})
}

func shown(value string) string {
	if len(value) > maxShownValue {
		return strings.ToValidUTF8(value[:maxShownValue], "") + "…"
	}
	return value
}
