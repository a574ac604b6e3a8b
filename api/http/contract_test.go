package http

import (
	"context"
	"encoding/json"
	nethttp "net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rollcall/daemon"
	"rollcall/dht"
)

// openDaemon opens a daemon that reaches no network, with one account.
func openDaemon(t *testing.T) (*daemon.Daemon, daemon.AccountID) {
	t.Helper()
	d, err := daemon.Open(t.Context(), daemon.Config{
		DataDir: t.TempDir(), Bootstrap: []string{"127.0.0.1:9"}, KeyBits: 2048,
		Node: dht.Config{Bind4: netip.MustParseAddr("127.0.0.1"), NoIPv6: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	events := d.Subscribe()
	defer events.Close()
	id, err := d.Create(t.Context(), daemon.Creation{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		e, err := events.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if c, ok := e.Change.(daemon.RegistrationChanged); ok && c.State != daemon.Initializing {
			return d, id
		}
	}
}

// TestAnswersAreAsDocumented performs every operation of the document on a real
// daemon and holds what it answers to the document.
func TestAnswersAreAsDocumented(t *testing.T) {
	t.Parallel()
	const peer = "0123456789abcdef0123456789abcdef01234567"
	// What operations are given and answer, in the order in which they are
	// performed; the others are performed before, without a body, and succeed.
	steps := []struct {
		id, body string
		status   int
	}{
		{"create-account", `{"archive":"bm9uc2Vuc2U="}`, 0},
		{"order-accounts", `{"accounts":["x"]}`, 204},
		{"create-account", `{"settings":{"Account.colour":"red"}}`, 422},
		{"change-settings", `{"Account.displayName":"Alice"}`, 204},
		{"change-settings", `{"Account.username":"Alice"}`, 422},
		{"change-settings", `{"Account.videoPortMin":"many"}`, 422},
		{"create-account", `{"displayName":"a\u0000"}`, 422},
		{"send-request", `{"payload":"` + "Qk9C" + `"}`, 204},
		{"see-requests", `{"from":["` + peer + `"]}`, 204},
		{"back-up", `{"directory":"here"}`, 422},
		{"back-up", `{"directory":"` + filepath.Join(t.TempDir(), "backup") + `"}`, 204},
		{"list-outgoing", ``, 200},
		{"list-contacts", ``, 200},
		{"publish-note", `{"text":"Lunch Time!"}`, 422},
		{"publish-note", `{"text":"Lunch Time!","form":"adapt","until":"2099-01-01T00:00:00Z"}`, 200},
		{"publish-note", `{"text":"x","until":"1999-01-01T00:00:00Z"}`, 422},
		{"get-note", ``, 200},
		{"clear-note", ``, 204},
		{"set-notes-by-sip", `{"on":true}`, 204},
		{"send-text", `{"content":"hello"}`, 409},
		{"list-presence", ``, 200},
		{"cancel-request", ``, 204},
		{"set-policy", `{"mode":"quietly","allowed":["` + peer + `"]}`, 204},
		{"get-policy", ``, 200},
		{"get-request", ``, 404},
		{"discard-request", ``, 404},
		{"accept-request", ``, 200},
		{"block-request", ``, 200},
		{"get-contact", ``, 200},
		{"find-name", ``, 409},
		{"find-address", ``, 409},
		{"query-presence", ``, 0},
		{"export-account", `{}`, 200},
		{"set-password", `{"from":"wrong"}`, 403},
		{"activate-account", `{"on":false}`, 204},
		{"hide-account", `{"on":true}`, 204},
		{"enable-account", `{"on":false}`, 204},
		{"list-accounts", ``, 200},
		{"remove-account", ``, 204},
		{"get-account", ``, 404},
		{"follow-events", ``, -1}, // has no end; see TestStream…
	}
	d, id := openDaemon(t)
	mux := nethttp.NewServeMux()
	api := (&service{d, newHistory()}).describe(mux)
	operations := map[string]*huma.Operation{}
	for _, item := range api.OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Patch, item.Delete} {
			if op != nil {
				operations[op.OperationID] = op
			}
		}
	}
	perform := func(op *huma.Operation, body string, status int) {
		t.Helper()
		limit := time.Minute
		if status == 0 {
			limit = time.Second // asks others, of whom there are none
		}
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		path := strings.NewReplacer("{account}", string(id), "{peer}", peer, "{name}", "alice").Replace(op.Path)
		r := httptest.NewRequestWithContext(ctx, op.Method, path, strings.NewReader(body))
		if body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		if status != 0 && w.Code != status || w.Code == 500 {
			t.Errorf("%s: status %d, want %d: %s", op.OperationID, w.Code, status, w.Body)
		}
		for _, fault := range undocumented(api, op, w) {
			t.Errorf("%s: %s", op.OperationID, fault)
		}
	}
	special := map[string]bool{}
	for _, step := range steps {
		special[step.id] = true
	}
	for name, op := range operations {
		if !special[name] {
			perform(op, "", op.DefaultStatus)
		}
	}
	for _, step := range steps {
		op := operations[step.id]
		if op == nil {
			t.Fatalf("there is no operation %s", step.id)
		}
		if step.status >= 0 {
			perform(op, step.body, step.status)
		}
	}
}

// undocumented returns what the document does not say about an answer.
func undocumented(api huma.API, op *huma.Operation, w *httptest.ResponseRecorder) []string {
	response := op.Responses[strconv.Itoa(w.Code)]
	if response == nil {
		response = op.Responses["default"]
	}
	if response == nil {
		return []string{"status " + strconv.Itoa(w.Code) + " is not documented"}
	}
	if w.Body.Len() == 0 && len(response.Content) == 0 {
		return nil
	}
	media := response.Content[w.Header().Get("Content-Type")]
	if media == nil {
		return []string{"content " + w.Header().Get("Content-Type") + " is not documented"}
	}
	if media.Schema.Format == "binary" {
		return nil
	}
	var value any
	if err := json.Unmarshal(w.Body.Bytes(), &value); err != nil {
		return []string{err.Error()}
	}
	result := &huma.ValidateResult{}
	huma.Validate(api.OpenAPI().Components.Schemas, media.Schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, value, result)
	var faults []string
	for _, err := range result.Errors {
		faults = append(faults, err.Error())
	}
	return faults
}
