package stream

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// TestQueue compares a queue with a buffer under any use.
func TestQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q queue
		var want bytes.Buffer
		size := rapid.IntRange(0, 3*readSize)
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				p := bytes.Repeat([]byte{rapid.Byte().Draw(t, "byte")}, size.Draw(t, "pushed"))
				q.push(p)
				want.Write(p)
			},
			"pop": func(t *rapid.T) {
				got := make([]byte, size.Draw(t, "popped"))
				n := q.pop(got)
				if !bytes.Equal(got[:n], want.Next(len(got))) {
					t.Fatal("popped something else than was pushed")
				}
			},
			"": func(t *rapid.T) {
				if q.empty() != (want.Len() == 0) || len(q.chunks) > want.Len()/readSize+2 {
					t.Fatalf("%d chunks hold %d bytes", len(q.chunks), want.Len())
				}
			},
		})
		q.clear()
		if !q.empty() {
			t.Fatal("not empty once cleared")
		}
	})
}
