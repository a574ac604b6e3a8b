package http

import (
	"net/http/httptest"
	"strings"
	"testing"
)

func TestMetrics(t *testing.T) {
	t.Parallel()
	d, _ := openDaemon(t)
	handler, err := newRoutes(d, newHistory())
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{
		"\nrollcall_accounts 1\n", "\nrollcall_connected_devices 0\n", "\nrollcall_damaged 0\n",
		"\nrollcall_messages_passed_over_total{reason=\"malformed\"} 0\n", "\nrollcall_connected{node=",
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %q in\n%s", want, w.Body)
		}
	}
}
