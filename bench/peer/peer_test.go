package peer

import (
	"bytes"
	"testing"

	"rollcall/bench/wire"
)

func TestNodesAnswerOneAnother(t *testing.T) {
	g, err := NewGroup(3)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	token, err := g[0].Token(g[1].Addr)
	if err != nil || len(token) == 0 {
		t.Fatalf("token %x, %v", token, err)
	}
	if err := g[0].Listen(g[1].Addr, token, wire.ID{1}, 1); err != nil {
		t.Error(err)
	}
	m, err := g[0].call(g[1].Addr, wire.Find(), wire.Fields{})
	if err != nil || m.Sender != g[1].ID || m.Nodes != 3 || !bytes.Contains(m.Nodes4, g[2].ID[:]) {
		t.Errorf("%+v, %v", m, err)
	}
}
