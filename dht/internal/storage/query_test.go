package storage

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/value"
)

func TestQueries(t *testing.T) {
	s := newStore()
	text := plain(3, "x")
	text.UserType = "text/plain"
	for _, v := range []*value.Value{plain(1, "x"), signed(2, 7, 5, "x"), text, encrypted(4, "x"), typed(5, value.TypeICE, []byte("x"))} {
		put(t, s, start, Put{Key: key, Value: v, From: alice})
	}
	where := func(c ...value.Condition) *value.Query { return &value.Query{Where: c} }
	tests := []struct {
		name  string
		query *value.Query
		ids   []uint64
	}{
		{"nil", nil, []uint64{1, 2, 3, 4, 5}},
		{"all", &value.Query{}, []uint64{1, 2, 3, 4, 5}},
		{"id", where(value.WhereID(2)), []uint64{2}},
		{"id that is not there", where(value.WhereID(9)), nil},
		{"id and type", where(value.WhereType(value.TypeICE), value.WhereID(5)), []uint64{5}},
		{"id and another type", where(value.WhereID(4), value.WhereType(value.TypeICE)), nil},
		{"two ids", where(value.WhereID(1), value.WhereID(2)), nil},
		{"type", where(value.WhereType(value.TypeICE)), []uint64{5}},
		{"type 0", where(value.WhereType(0)), []uint64{1, 2, 3, 4}},
		{"owner", where(value.WhereOwner(value.KeyID(spki(7)))), []uint64{2}},
		{"user type", where(value.WhereUserType("text/plain")), []uint64{3}},
	}
	for _, tt := range tests {
		var ids []uint64
		for _, v := range get(t, s, start, key, tt.query) {
			ids = append(ids, v.ID)
		}
		if !slices.Equal(ids, tt.ids) {
			t.Errorf("%s: %v, want %v", tt.name, ids, tt.ids)
		}
		for _, fields := range [][]value.Field{{value.FieldID}, {value.FieldID, value.FieldSeq}} {
			q := value.Query{Select: fields}
			if tt.query != nil {
				q.Where = tt.query.Where
			}
			b := s.AppendFields([]byte("prefix"), start, key, &q)
			b, ok := bytes.CutPrefix(b, []byte("prefix"))
			if len(tt.ids) == 0 {
				if !ok || len(b) != 0 {
					t.Errorf("%s: fields of nothing: %x", tt.name, b)
				}
				continue
			}
			got, err := value.ParseFields(b)
			if err != nil {
				t.Fatal(err)
			}
			ids = ids[:0]
			for _, x := range got {
				ids = append(ids, x.ID)
				if want := len(fields) == 2 && x.ID == 2; (x.Seq == 5) != want {
					t.Errorf("%s: seq %d of %d", tt.name, x.Seq, x.ID)
				}
			}
			if !slices.Equal(ids, tt.ids) {
				t.Errorf("%s: fields of %v, want %v", tt.name, ids, tt.ids)
			}
		}
	}
	n := 0
	s.Each(start, key, nil, func(Item) bool { n++; return n < 2 })
	if n != 2 {
		t.Errorf("went on for %d values, want 2", n)
	}
}

func TestKeysAndAll(t *testing.T) {
	s := newStore()
	want := make(map[infohash.Hash]int)
	for i := range 100 {
		k := infohash.SumString(strings.Repeat("k", i))
		for id := range i % 4 {
			put(t, s, start, Put{Key: k, Value: plain(uint64(id+1), "x"), From: alice})
			want[k]++
		}
		s.Watch(start, infohash.SumString(strings.Repeat("w", i+1)), value.Query{})
	}
	got := make(map[infohash.Hash]int)
	for k, x := range s.All(start) {
		got[k]++
		if x.From() != alice.Addr() {
			t.Errorf("from %v", x.From())
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d keys, want %d", len(got), len(want))
	}
	for k, n := range want {
		if got[k] != n {
			t.Errorf("key %s: %d values, want %d", k.Short(), got[k], n)
		}
	}
	for range s.All(start) {
		break
	}
	for range s.All(start.Add(time.Hour)) {
		t.Fatal("expired values are listed")
	}
	var keys []infohash.Hash
	rounds := 0
	for at := Cursor(0); ; rounds++ {
		before := len(keys)
		if keys, at = s.Keys(keys, at, 7); len(keys) > before+7 {
			t.Fatal("too many at once")
		}
		if at == 0 {
			break
		}
	}
	if len(keys) != len(want) || rounds < 10 {
		t.Errorf("%d keys in %d rounds, want %d", len(keys), rounds, len(want))
	}
	for _, k := range keys {
		if want[k] == 0 {
			t.Errorf("key %s has no values or came twice", k.Short())
		}
		delete(want, k)
	}
}
