package http

import (
	nethttp "net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"rollcall/api/http/endpoint"
)

func TestGuard(t *testing.T) {
	unix := endpoint.Endpoint{Network: "unix", Address: "/run/http.sock"}
	tcp := endpoint.Endpoint{Network: "tcp", Address: "127.0.0.1:8080"}
	const token = "correct-horse"
	bearer := [2]string{"Authorization", "Bearer " + token}
	type headers [][2]string
	tests := []struct {
		name    string
		at      endpoint.Endpoint
		host    string
		headers headers
		status  int
	}{
		{"socket", unix, "localhost", nil, 200},
		{"socket by our name", unix, "rollcall", nil, 200},
		{"socket, other host", unix, "example.org", nil, 403},
		{"socket, web page", unix, "localhost", headers{{"Origin", "https://example.org"}}, 403},

		{"port", tcp, "127.0.0.1:8080", headers{bearer}, 200},
		{"port by name", tcp, "localhost:8080", headers{bearer}, 200},
		{"no token", tcp, "127.0.0.1:8080", nil, 401},
		{"wrong token", tcp, "127.0.0.1:8080", headers{{"Authorization", "Bearer correct-horsf"}}, 401},
		{"half a token", tcp, "127.0.0.1:8080", headers{{"Authorization", "Bearer correct"}}, 401},
		{"empty token", tcp, "127.0.0.1:8080", headers{{"Authorization", "Bearer "}}, 401},
		{"other scheme", tcp, "127.0.0.1:8080", headers{{"Authorization", "Basic " + token}}, 401},
		{"name bound to our address", tcp, "example.org:8080", headers{bearer}, 403},
		{"other port", tcp, "127.0.0.1:80", headers{bearer}, 403},
		{"no port", tcp, "127.0.0.1", headers{bearer}, 403},
		{"our own page", tcp, "127.0.0.1:8080", headers{bearer, {"Origin", "http://127.0.0.1:8080"}, {"Sec-Fetch-Site", "same-origin"}}, 200},
		{"page of another site", tcp, "127.0.0.1:8080", headers{bearer, {"Origin", "http://127.0.0.1:8081"}}, 403},
		{"page of nobody", tcp, "127.0.0.1:8080", headers{bearer, {"Origin", "null"}}, 403},
		{"picture in a page", tcp, "127.0.0.1:8080", headers{bearer, {"Sec-Fetch-Site", "cross-site"}}, 403},
		{"typed address", tcp, "127.0.0.1:8080", headers{bearer, {"Sec-Fetch-Site", "none"}}, 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			reached := false
			g := newGuard(tt.at, token, nethttp.HandlerFunc(func(nethttp.ResponseWriter, *nethttp.Request) { reached = true }))
			r := httptest.NewRequest("GET", "/v1/status", nil)
			r.Host = tt.host
			for _, h := range tt.headers {
				r.Header.Add(h[0], h[1])
			}
			w := httptest.NewRecorder()
			g.ServeHTTP(w, r)
			if w.Code != tt.status || reached != (tt.status == 200) {
				t.Errorf("status %d, reached %v, want %d: %s", w.Code, reached, tt.status, w.Body)
			}
			for header := range w.Header() {
				if strings.HasPrefix(header, "Access-Control-") {
					t.Errorf("other sites are let in by %s", header)
				}
			}
			if strings.Contains(w.Body.String(), token) {
				t.Errorf("the answer tells the token: %s", w.Body)
			}
		})
	}
}
