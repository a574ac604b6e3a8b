package contact

import "testing"

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
