package contact

import (
	"reflect"
	"testing"

	"rollcall/dht/value"
)

func TestMessageOnTheWire(t *testing.T) {
	want := Message{
		From: named("bob"), Device: named("bob/phone"), DeviceKey: []byte("key"),
		ConversationID: "aa", Payload: []byte("vcard"), Invited: 1795207392001,
	}
	content, err := value.ParseTrustRequest(want.TrustRequest().Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	got, ok := MessageFrom(want.From, want.Device, want.DeviceKey, content)
	if !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %t, want %+v", got, ok, want)
	}
	content.Service = "other"
	if _, ok := MessageFrom(want.From, want.Device, want.DeviceKey, content); ok {
		t.Error("a message for another service is accepted")
	}
}

func TestDigestTellsMessagesApart(t *testing.T) {
	m := Message{From: named("bob"), ConversationID: "aa", Payload: []byte("bb"), Invited: 7}
	others := map[string]func(*Message){
		"sender":       func(m *Message) { m.From = named("carol") },
		"conversation": func(m *Message) { m.ConversationID = "bb" },
		"boundary":     func(m *Message) { m.ConversationID, m.Payload = "aabb", nil },
		"payload":      func(m *Message) { m.Payload = nil },
		"date":         func(m *Message) { m.Invited++ },
		"kind":         func(m *Message) { m.Confirm = true },
	}
	for what, change := range others {
		other := m
		change(&other)
		if other.Digest() == m.Digest() {
			t.Errorf("another %s has the same digest", what)
		}
	}
	same := m
	same.Device = named("bob/laptop")
	if same.Digest() != m.Digest() {
		t.Error("the device changes the digest")
	}
}
