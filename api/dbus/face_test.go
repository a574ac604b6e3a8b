package dbus

import (
	"encoding/xml"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
	"github.com/godbus/dbus/v5/introspect"
)

// TestIntrospection compares what is served with the description of each object,
// form by form.
func TestIntrospection(t *testing.T) {
	for _, g := range generations {
		f, err := newFace(nil, []Generation{g}, false, discard)
		if err != nil {
			t.Fatal(err)
		}
		shown := make(map[string]bool)
		for path, at := range f.server.objects {
			var node introspect.Node
			if err := xml.Unmarshal([]byte(at.introspection), &node); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			if at.iface == "" {
				if path == root {
					for _, child := range node.Children {
						shown[child.Name] = true
					}
				}
				continue
			}
			described := node.Interfaces[0]
			if described.Name != at.iface || busName+"."+strings.TrimPrefix(string(path), string(root)+"/") != at.iface {
				t.Errorf("%s: interface %q is served as %q", path, described.Name, at.iface)
			}
			for _, m := range described.Methods {
				in := ""
				for _, arg := range m.Args {
					if arg.Direction == "in" {
						in += arg.Type
					}
				}
				if !slices.ContainsFunc(at.methods[m.Name], func(form method) bool { return form.in == in }) {
					t.Errorf("%s.%s(%s) is described and not served", at.iface, m.Name, in)
				}
			}
		}
		for _, name := range interfaceNames {
			if want := name != "NetworkServiceManager" || g == Generation2026; shown[name] != want {
				t.Errorf("generation %s: object %s is listed: %v", g, name, shown[name])
			}
		}
	}
}

// TestReplyTypes: every form answers values of the declared types, the ones of
// handlers by reflection.
func TestReplyTypes(t *testing.T) {
	f, err := newFace(nil, generations, false, discard)
	if err != nil {
		t.Fatal(err)
	}
	everyMember(t, func(iface string, m member) {
		if m.kind != "method" {
			return
		}
		want := signature(m.out)
		for _, h := range f.handlers(iface) {
			if in, out := h.signatures(); h.name == m.name && in == signature(m.in) {
				if out != want {
					t.Errorf("%s.%s answers %q, want %q", iface, m.name, out, want)
				}
				return
			}
		}
		values, err := empty(m.out)
		if err != nil {
			t.Errorf("%s.%s: %v", iface, m.name, err)
			return
		}
		got := ""
		for _, v := range values {
			if !reflect.ValueOf(v).IsZero() {
				t.Errorf("%s.%s: %v is not empty", iface, m.name, v)
			}
			got += dbus.SignatureOf(v).String()
		}
		if got != want {
			t.Errorf("%s.%s answers %q, want %q", iface, m.name, got, want)
		}
	})
}

var discard = slog.New(slog.DiscardHandler)
