package dbus

import (
	"io/fs"
	"slices"
	"testing"

	"github.com/godbus/dbus/v5"
)

// everyMember calls f for all members of all interfaces.
func everyMember(t *testing.T, f func(iface string, m member)) {
	t.Helper()
	for _, iface := range interfaceNames {
		members, err := declared(iface)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range members {
			f(iface, m)
		}
	}
}

func TestTables(t *testing.T) {
	files, err := fs.Glob(tables, "interfaces/*.txt")
	if err != nil || len(files) != len(interfaceNames) {
		t.Errorf("files %q, %v", files, err)
	}
	everyMember(t, func(iface string, m member) {
		var names []string
		for _, arg := range slices.Concat(m.in, m.out) {
			if _, err := dbus.ParseSignature(arg.signature); err != nil {
				t.Errorf("%s.%s: %v", iface, m.name, err)
			}
			names = append(names, arg.name)
		}
		slices.Sort(names)
		if len(slices.Compact(slices.Clone(names))) != len(names) {
			t.Errorf("%s.%s: an argument name is there twice: %q", iface, m.name, names)
		}
		for _, g := range m.generations {
			if !slices.Contains(generations, g) {
				t.Errorf("%s.%s: generation %q", iface, m.name, g)
			}
		}
		if m.kind == "signal" && len(m.out) != 0 {
			t.Errorf("%s.%s: a signal with results", iface, m.name)
		}
	})
}

// TestFormsDiffer: a call chooses the form of a method by its arguments alone, and
// a generation has one form.
func TestFormsDiffer(t *testing.T) {
	type key struct {
		iface, kind, name string
	}
	forms := make(map[key][]member)
	everyMember(t, func(iface string, m member) {
		k := key{iface, m.kind, m.name}
		for _, other := range forms[k] {
			if signature(m.in) == signature(other.in) {
				t.Errorf("%v: two forms with the arguments %q", k, signature(m.in))
			}
			for _, g := range generations {
				if m.of(g) && other.of(g) {
					t.Errorf("%v: two forms in generation %s", k, g)
				}
			}
		}
		forms[k] = append(forms[k], m)
	})
}

func TestParseMemberRefuses(t *testing.T) {
	for _, line := range []string{"", "method", "method x", "property x()", "method x(s)", "method x(s a", "method x() -> s", "method x() [", "# x"} {
		if m, err := parseMember(line); err == nil {
			t.Errorf("%q: %+v", line, m)
		}
	}
}

func TestGoTypeRefuses(t *testing.T) {
	for _, s := range []string{"", "a", "a{s", "a{ss", "a{", "(", "(s", "z", "a(z)", "v"} {
		if got, rest, err := goType(s); err == nil {
			t.Errorf("%q: %v, rest %q", s, got, rest)
		}
	}
	if _, err := empty([]argument{{"ss", "two"}}); err == nil {
		t.Error("two types are one")
	}
}

func TestServeRefusesHandlersOfNothing(t *testing.T) {
	m, err := parseMember("method get(s a) -> s b")
	if err != nil {
		t.Fatal(err)
	}
	for _, do := range []any{func() string { return "" }, func(string) {}, func(string) int32 { return 0 }} {
		if _, err := serve([]member{m}, []handler{{"get", do}}); err == nil {
			t.Errorf("%T is taken for get", do)
		}
	}
}

func TestParseGenerations(t *testing.T) {
	tests := []struct {
		list   string
		want   []Generation
		newest Generation
	}{
		{DefaultGenerations, []Generation{Generation2023, Generation2026}, Generation2026},
		{"documented", []Generation{Documented}, Documented},
		{"documented, 2023,documented", []Generation{Documented, Generation2023}, Generation2023},
		{"", nil, ""},
		{"2023,", nil, ""},
		{"2024", nil, ""},
	}
	for _, tt := range tests {
		got, err := ParseGenerations(tt.list)
		if !slices.Equal(got, tt.want) || (err == nil) != (tt.want != nil) {
			t.Errorf("%q: %q, %v", tt.list, got, err)
		}
		if err == nil && newest(got) != tt.newest {
			t.Errorf("%q: newest %q", tt.list, newest(got))
		}
	}
}
