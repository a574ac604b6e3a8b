package dbus

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
	"pgregory.net/rapid"
)

// row is a struct on the bus.
type row struct {
	Text   string
	Number uint64
	Flag   bool
}

// genValue draws a value of some type of D-Bus.
func genValue() *rapid.Generator[any] {
	text := rapid.String().Filter(func(s string) bool { return !strings.Contains(s, "\x00") })
	return rapid.OneOf(
		text.AsAny(), rapid.Bool().AsAny(), rapid.Byte().AsAny(), rapid.Uint16().AsAny(), rapid.Int32().AsAny(),
		rapid.Uint32().AsAny(), rapid.Int64().AsAny(), rapid.Uint64().AsAny(), rapid.Float64Range(-1e9, 1e9).AsAny(),
		rapid.SliceOf(rapid.Byte()).AsAny(), rapid.SliceOf(rapid.Uint64()).AsAny(), rapid.SliceOf(text).AsAny(),
		rapid.MapOf(text, text).AsAny(), rapid.MapOf(rapid.Byte(), rapid.Uint64()).AsAny(),
		rapid.SliceOf(rapid.MapOf(text, text)).AsAny(), rapid.MapOf(text, rapid.MapOf(text, rapid.SliceOf(text))).AsAny(),
		rapid.Custom(func(t *rapid.T) row {
			return row{text.Draw(t, "text"), rapid.Uint64().Draw(t, "number"), rapid.Bool().Draw(t, "flag")}
		}).AsAny(),
	)
}

// TestMessagesAreReadBack: what is written is what the other end reads.
func TestMessagesAreReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.SliceOfN(genValue(), 0, 5).Draw(t, "body")
		member := rapid.StringMatching(`[a-z]{1,20}`).Draw(t, "member")
		before := bytes.Repeat([]byte{7}, rapid.IntRange(0, 9).Draw(t, "before"))
		b, err := appendMessage(before, dbus.TypeSignal, 9, []field{
			{dbus.FieldPath, root}, {dbus.FieldInterface, "a.b"}, {dbus.FieldMember, member},
		}, body)
		if err != nil {
			t.Fatal(err)
		}
		msg, err := dbus.DecodeMessage(bytes.NewReader(b[len(before):]))
		if err != nil {
			t.Fatal(err)
		}
		if msg.Serial() != 9 || msg.Headers[dbus.FieldMember].Value() != member || msg.Headers[dbus.FieldPath].Value() != root {
			t.Errorf("header %v", msg.Headers)
		}
		if len(body) == 0 && len(msg.Body) == 0 {
			return
		}
		for i, v := range body {
			got := reflect.New(reflect.TypeOf(v))
			if err := dbus.Store(msg.Body[i:i+1], got.Interface()); err != nil {
				t.Fatal(err)
			}
			if reflect.ValueOf(v).Kind() == reflect.Slice && reflect.ValueOf(v).Len() == 0 && got.Elem().Len() == 0 {
				continue
			}
			if !reflect.DeepEqual(got.Elem().Interface(), v) {
				t.Errorf("%#v was read as %#v", v, got.Elem().Interface())
			}
		}
	})
}

func TestTextThatCannotBeSent(t *testing.T) {
	const bad, good = "a\xff\x00", "a\uFFFD\uFFFD"
	b, err := appendMessage(nil, dbus.TypeSignal, 1, []field{
		{dbus.FieldPath, root}, {dbus.FieldInterface, "a.b"}, {dbus.FieldMember, "c"},
	}, []any{bad, []string{bad}, map[string]string{bad: bad}, []byte(bad)})
	if err != nil {
		t.Fatal(err)
	}
	msg, err := dbus.DecodeMessage(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if want := []any{good, []string{good}, map[string]string{good: good}, []byte(bad)}; !reflect.DeepEqual(msg.Body, want) {
		t.Errorf("read as %q", msg.Body)
	}
}

func TestDictsAreMapsToTheReader(t *testing.T) {
	d := dict{{"b", "1"}, {"a", "\xff"}}
	b, err := appendMessage(nil, dbus.TypeMethodReply, 1, []field{{dbus.FieldReplySerial, uint32(1)}}, []any{d, []dict{d, nil}, []dict{}})
	if err != nil {
		t.Fatal(err)
	}
	msg, err := dbus.DecodeMessage(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]string{"a": "\uFFFD", "b": "1"}
	if want := []any{m, []map[string]string{m, {}}, []map[string]string{}}; !reflect.DeepEqual(msg.Body, want) {
		t.Errorf("read as %q", msg.Body)
	}
}

func TestListsEncodedBefore(t *testing.T) {
	for _, list := range [][]dict{nil, {}, {nil}, {{{"b", "1"}, {"a", "22"}}, nil, {{"c", ""}}}} {
		for before := range 9 {
			prefix := make([]byte, before)
			want, err := appendMessage(prefix, dbus.TypeMethodReply, 1, nil, []any{list})
			if err != nil {
				t.Fatal(err)
			}
			got, err := appendMessage(prefix, dbus.TypeMethodReply, 1, nil, []any{encodeDicts(list)})
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%v is sent as %x, want %x (%v)", list, got, want, err)
			}
		}
	}
	if _, err := appendMessage(nil, dbus.TypeMethodReply, 1, nil, []any{"first", encodeDicts(nil)}); err == nil {
		t.Error("sent out of alignment")
	}
}

func TestMessagesThatCannotBeSent(t *testing.T) {
	if _, err := appendMessage(nil, dbus.TypeSignal, 1, nil, []any{make([]byte, maxMessage)}); err == nil {
		t.Error("a message that is too long is sent")
	}
	e := encoder{}
	if e.value(reflect.ValueOf(make(chan int))); e.err == nil {
		t.Error("a channel is sent")
	}
}

// TestEmptyRepliesAreWritten: the empty value of every declared type is written
// as that type.
func TestEmptyRepliesAreWritten(t *testing.T) {
	everyMember(t, func(iface string, m member) {
		values, err := empty(m.out)
		if err != nil {
			t.Fatal(err)
		}
		b, err := appendMessage(nil, dbus.TypeMethodReply, 1, []field{{dbus.FieldReplySerial, uint32(1)}}, values)
		if err != nil {
			t.Fatalf("%s.%s: %v", iface, m.name, err)
		}
		msg, err := dbus.DecodeMessage(bytes.NewReader(b))
		if err != nil || len(msg.Body) != len(values) {
			t.Errorf("%s.%s: %v, %v", iface, m.name, err, msg)
		}
	})
}
