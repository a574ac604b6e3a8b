package dbus

import (
	"bytes"
	"context"
	"testing"

	"github.com/godbus/dbus/v5"
)

// FuzzCall dispatches whatever can be read as a message, and reads the answer.
func FuzzCall(f *testing.F) {
	var members []member
	for _, line := range []string{
		"method set(s account, a{ss} details) -> a{ss} details",
		"method set(s account, s key, b value) -> b ok",
		"method send(s account, s to, ay payload) -> ay payload",
		"method all(y a, q b, i c, u d, x e, t f, d g, as h, aa{ss} i) -> as h, aa{ss} i",
		"method none(a(sa{ss}t) rows) -> a(sa{ss}t) rows",
	} {
		m, err := parseMember(line)
		if err != nil {
			f.Fatal(err)
		}
		members = append(members, m)
	}
	methods, err := serve(members, []handler{
		{"set", func(_ string, details map[string]string) map[string]string { return details }},
		{"set", func(_, _ string, value bool) bool { return value }},
		{"send", func(_ context.Context, _, _ string, payload []byte) []byte { return payload }},
		{"all", func(_ byte, _ uint16, _ int32, _ uint32, _ int64, _ uint64, _ float64, list []string, maps []map[string]string) ([]string, []map[string]string) {
			return list, maps
		}},
	})
	if err != nil {
		f.Fatal(err)
	}
	s := newServer(map[dbus.ObjectPath]object{root: {busName, methods, "<node/>"}})
	s.ctx = f.Context()

	for name, args := range map[string][]any{
		"set":        {"a", map[string]string{"k": "v"}},
		"send":       {"a", "b", []byte{1, 2}},
		"all":        {byte(1), uint16(2), int32(3), uint32(4), int64(5), uint64(6), 7.0, []string{"x"}, []map[string]string{{"k": "v"}}},
		"none":       {[]struct{ A string }{{"x"}}},
		"Introspect": nil,
		"Ping":       nil,
	} {
		call, err := appendMessage(nil, dbus.TypeMethodCall, 1, []field{
			{dbus.FieldPath, root}, {dbus.FieldInterface, busName}, {dbus.FieldMember, name}, {dbus.FieldSender, ":1.2"},
		}, args)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(call)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		call, err := dbus.DecodeMessage(bytes.NewReader(data))
		if err != nil || call.Type != dbus.TypeMethodCall {
			return
		}
		results, failure := s.dispatch(call)
		if failure != nil {
			results = failure.Body
		}
		b, err := appendMessage(nil, dbus.TypeMethodReply, 1, []field{{dbus.FieldReplySerial, uint32(1)}}, results)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := dbus.DecodeMessage(bytes.NewReader(b)); err != nil {
			t.Errorf("the answer cannot be read: %v", err)
		}
	})
}
