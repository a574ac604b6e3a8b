package http

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	nethttp "net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"rollcall/api/http/schema"
	"rollcall/daemon"
)

// document is what the tests need of an OpenAPI document.
type document struct {
	OpenAPI    string
	Info       struct{ Title, Version string }
	Paths      map[string]map[string]described
	Components struct{ Schemas map[string]any }
}

type described struct {
	OperationID string
	Summary     string
	Parameters  []struct {
		Name, In string
		Required bool
	}
	RequestBody *struct{ Required bool }
	Responses   map[string]any
}

func readDocument(t *testing.T, handler nethttp.Handler) (d document, raw []byte) {
	t.Helper()
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("GET", "/openapi.json", nil))
	if err := json.Unmarshal(w.Body.Bytes(), &d); err != nil {
		t.Fatalf("/openapi.json: %v", err)
	}
	return d, w.Body.Bytes()
}

func routes(t *testing.T) nethttp.Handler {
	t.Helper()
	handler, err := newRoutes(&daemon.Daemon{}, newHistory())
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

func TestDocumentIsSound(t *testing.T) {
	d, raw := readDocument(t, routes(t))
	if d.OpenAPI != "3.1.0" || d.Info.Title == "" || d.Info.Version == "" {
		t.Errorf("openapi %q, info %+v", d.OpenAPI, d.Info)
	}
	seen := map[string]bool{}
	for path, operations := range d.Paths {
		for method, op := range operations {
			name := method + " " + path
			if op.OperationID == "" || op.Summary == "" || seen[op.OperationID] {
				t.Errorf("%s: id %q (seen: %v), summary %q", name, op.OperationID, seen[op.OperationID], op.Summary)
			}
			seen[op.OperationID] = true
			if len(op.Responses) < 2 {
				t.Errorf("%s: want a success and the errors among its responses, got %v", name, op.Responses)
			}
			declared := map[string]bool{}
			for _, p := range op.Parameters {
				declared[p.Name] = declared[p.Name] || p.In == "path" && p.Required
			}
			for _, parameter := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(path, -1) {
				if !declared[parameter[1]] {
					t.Errorf("%s: parameter %s is not declared", name, parameter[1])
				}
			}
		}
	}
	for _, ref := range regexp.MustCompile(`"\$ref":"#/components/schemas/([^"]+)"`).FindAllSubmatch(raw, -1) {
		if d.Components.Schemas[string(ref[1])] == nil {
			t.Errorf("schema %s is referred to and not there", ref[1])
		}
	}
}

func TestEveryDocumentedRouteIsServed(t *testing.T) {
	handler := routes(t)
	d, _ := readDocument(t, handler)
	if len(d.Paths) < 20 {
		t.Fatalf("%d paths documented", len(d.Paths))
	}
	for path, operations := range d.Paths {
		for method := range operations {
			r := httptest.NewRequest(strings.ToUpper(method), strings.NewReplacer("{", "", "}", "").Replace(path), nil)
			_, pattern := handler.(fallback).mux.Handler(r)
			if want := strings.ToUpper(method) + " " + path; pattern != want {
				t.Errorf("%s is served by %q", want, pattern)
			}
		}
	}
}

// elsewhere are the methods of a daemon that are no operation of the API.
var elsewhere = map[string]string{
	"Close":           "ends the daemon, which is its process's affair",
	"AddAccount":      "is Create in the form of the bus",
	"ExportFile":      "is Export to a file, which a client writes itself",
	"TextStatus":      "is for the bus; here each change is an event",
	"Certificate":     "answers clients of the bus, which judge certificates by themselves",
	"CertificateFile": "is the same for their files",
	"OwnCertificates": "is the same for what they list",
	"ContactsVersion": "saves the D-Bus face from encoding Contacts again",
}

func TestEveryOperationOfTheDaemonIsServed(t *testing.T) {
	used := usedMethods(t)
	methods := reflect.TypeFor[*daemon.Daemon]()
	for i := range methods.NumMethod() {
		name := methods.Method(i).Name
		if _, ok := elsewhere[name]; !ok && !used[name] {
			t.Errorf("no operation uses daemon.%s", name)
		}
	}
}

// usedMethods returns the names of all that the package calls on a daemon.
func usedMethods(t *testing.T) map[string]bool {
	used := map[string]bool{}
	inspectPackage(t, ".", func(n ast.Node) bool {
		method, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if on, ok := method.X.(*ast.SelectorExpr); ok && on.Sel.Name == "daemon" {
			used[method.Sel.Name] = true
		}
		return true
	})
	return used
}

func inspectPackage(t *testing.T, dir string, visit func(ast.Node) bool) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, visit)
	}
}

func TestErrorsNameFieldValueAndWish(t *testing.T) {
	const account, peer = "/v1/accounts/a", "0123456789012345678901234567890123456789"
	long := strings.Repeat("z", 500)
	tests := []struct {
		name, method, path, body string
		status                   int
		location, value, message string
	}{
		{"peer", "PUT", account + "/contacts/bob", "", 422, "path.peer", "bob", "40 hexadecimal digits"},
		{"long peer", "PUT", account + "/contacts/" + long, "", 422, "path.peer", long[:maxShownValue] + "…", "40 hexadecimal digits"},
		{"flag", "DELETE", account + "/contacts/" + peer + "?ban=perhaps", "", 422, "query.ban", "perhaps", "boolean"},
		{"unknown parameter", "DELETE", account + "/contacts/" + peer + "?bann=true", "", 422, "query.bann", "", "unknown"},
		{"type", "PUT", account + "/enabled", `{"on":"yes"}`, 422, "body.on", "yes", "boolean"},
		{"missing", "PUT", account + "/enabled", `{}`, 422, "body", "", "required property on"},
		{"unknown field", "PUT", account + "/password", `{"too":"secret"}`, 422, "body.too", "", "unexpected property"},
		{"enum", "PUT", account + "/policy", `{"mode":"nobody"}`, 422, "body.mode", "nobody", "everyone"},
		{"payload", "PUT", account + "/outgoing/" + peer, `{"payload":"*"}`, 422, "body.payload", "*", "base64"},
		{"JSON", "PUT", account + "/enabled", `{"on":`, 400, "body", "", "unexpected end"},
		{"size", "PUT", account + "/outgoing/" + peer, `{"payload":"` + strings.Repeat("A", maxBody) + `"}`, 413, "", "", ""},
		{"short code", "PUT", account + "/policy", `{"mode":"everyone","codes":["x"]}`, 422, "", "", ""},
		{"route", "GET", "/v1/nothing", "", 404, "path", "GET /v1/nothing", "/openapi.json"},
		{"method", "PUT", "/v1/status", "", 405, "path", "PUT /v1/status", "/openapi.json"},
	}
	handler := routes(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, tt.path, strings.NewReader(tt.body))
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			var p schema.Problem
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
				t.Fatalf("%v in %q", err, w.Body)
			}
			if w.Code != tt.status || p.Status != tt.status || w.Header().Get("Content-Type") != "application/problem+json" {
				t.Fatalf("status %d, want %d: %s", w.Code, tt.status, w.Body)
			}
			if strings.Contains(w.Body.String(), "secret") {
				t.Errorf("a password is repeated: %s", w.Body)
			}
			if tt.location == "" {
				return
			}
			if len(p.Errors) != 1 {
				t.Fatalf("errors: %s", w.Body)
			}
			value, _ := p.Errors[0].Value.(string)
			if f := p.Errors[0]; f.Location != tt.location || value != tt.value || !strings.Contains(f.Message, tt.message) {
				t.Errorf("got %+v, want %+v", f, tt)
			}
		})
	}
}
