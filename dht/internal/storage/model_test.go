package storage

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/dht/infohash"
	"rollcall/dht/value"
)

// model is what a store must do, told naively: lists, and a look at all of them for
// every question. Limits are left to other tests.
type model struct {
	types     value.Types
	now       time.Time
	values    []modelValue
	listeners []modelListener
	pushes    []string
}

type modelValue struct {
	key       infohash.Hash
	value     *value.Value
	expires   time.Time
	own, ever bool
}

type modelListener struct {
	key     infohash.Hash
	name    string
	query   value.Query
	expires time.Time // zero for a watch
}

func (m *model) find(key infohash.Hash, id uint64) *modelValue {
	for i := range m.values {
		if v := &m.values[i]; v.key == key && v.value.ID == id {
			return v
		}
	}
	return nil
}

func (m *model) tell(key infohash.Hash, kind string, v *value.Value) {
	for _, l := range m.listeners {
		if l.key == key && (kind != "value" || l.query.Match(v)) {
			m.pushes = append(m.pushes, newsLine(l.name, kind, v.ID, v.Append(nil)))
		}
	}
}

func newsLine(listener, kind string, id uint64, packed []byte) string {
	if kind != "value" {
		packed = nil
	}
	return fmt.Sprintf("%s: %s %d %x", listener, kind, id, packed)
}

// advance ends what is over at now.
func (m *model) advance(now time.Time) {
	m.now = now
	m.listeners = slices.DeleteFunc(m.listeners, func(l modelListener) bool {
		return !l.expires.IsZero() && !now.Before(l.expires)
	})
	m.values = slices.DeleteFunc(m.values, func(v modelValue) bool {
		if v.ever || now.Before(v.expires) {
			return false
		}
		m.tell(v.key, "expired", v.value)
		return true
	})
}

func (m *model) put(p Put) Verdict {
	life := m.types.Life(p.Value.Type)
	expires := p.Created.Add(life)
	if p.Created.After(m.now) {
		expires = m.now.Add(life)
	}
	if !p.Permanent && !expires.After(m.now) {
		return Rejected
	}
	old := m.find(p.Key, p.Value.ID)
	var stored *value.Value
	if old != nil {
		stored = old.value
	}
	verdict := m.types.Judge(p.Key, stored, p.Value, p.From.Addr())
	switch verdict.Action {
	case value.Ignore:
		return Rejected
	case value.Refresh:
		if expires.After(old.expires) {
			old.expires = expires
		}
		old.own = old.own || p.Own
		old.ever = old.ever || p.Permanent
		m.tell(p.Key, "refreshed", old.value)
		return Repeated
	}
	if old != nil {
		m.values = slices.DeleteFunc(m.values, func(v modelValue) bool { return v.key == p.Key && v.value.ID == p.Value.ID })
	}
	m.values = append(m.values, modelValue{p.Key, verdict.Value, expires, p.Own, p.Permanent})
	m.tell(p.Key, "value", verdict.Value)
	return Accepted
}

func (m *model) refresh(key infohash.Hash, id uint64) bool {
	if v := m.find(key, id); v != nil {
		v.expires = m.now.Add(m.types.Life(v.value.Type))
		m.tell(key, "refreshed", v.value)
	}
	return slices.ContainsFunc(m.values, func(v modelValue) bool { return v.key == key })
}

func (m *model) listen(l modelListener) {
	for i := range m.listeners {
		if old := &m.listeners[i]; old.key == l.key && old.name == l.name {
			if !slices.Equal(old.query.Where, l.query.Where) {
				old.query = l.query
			}
			old.expires = l.expires
			return
		}
	}
	m.listeners = append(m.listeners, l)
	for _, v := range m.values {
		if v.key == l.key && l.query.Match(v.value) {
			m.pushes = append(m.pushes, newsLine(l.name, "value", v.value.ID, v.value.Append(nil)))
		}
	}
}

// drain returns the queued pushes of a store in the form of the model.
func drain(t failer, s *Store) (all []string) {
	for _, p := range drainPushes(s) {
		name := fmt.Sprintf("%s/%d at %s", p.Node.Short(), p.SID, p.Key.Short())
		if p.Local() {
			name = fmt.Sprintf("watch %d", p.Watch)
		}
		for _, packed := range p.Values {
			v, err := value.Parse(packed)
			if err != nil {
				t.Fatalf("pushed %x: %v", packed, err)
			}
			all = append(all, newsLine(name, "value", v.ID, packed))
		}
		for _, id := range p.Refreshed {
			all = append(all, newsLine(name, "refreshed", id, nil))
		}
		for _, id := range p.Expired {
			all = append(all, newsLine(name, "expired", id, nil))
		}
	}
	return all
}

// drawValue makes a value of some kind; few enough that they meet.
func drawValue(t *rapid.T) *value.Value {
	id := rapid.Uint64Range(1, 4).Draw(t, "id")
	data := rapid.SampledFrom([]string{"x", "y"}).Draw(t, "data")
	switch rapid.IntRange(0, 5).Draw(t, "kind") {
	case 0:
		return signed(id, rapid.ByteRange(1, 2).Draw(t, "owner"), uint16(rapid.IntRange(0, 3).Draw(t, "seq")), data)
	case 1:
		return encrypted(id, data)
	case 2:
		return typed(id, value.TypeICE, []byte(data))
	case 3:
		return typed(id, value.TypeService, service("10.0.0.1:"+map[string]string{"x": "80", "y": "0"}[data]))
	case 4:
		return typed(id, 99, []byte(data))
	}
	return plain(id, data)
}

func drawQuery(t *rapid.T) (q value.Query) {
	switch rapid.IntRange(0, 3).Draw(t, "query") {
	case 0:
		q.Where = append(q.Where, value.WhereType(rapid.SampledFrom([]value.TypeID{0, value.TypeICE}).Draw(t, "type")))
	case 1:
		q.Where = append(q.Where, value.WhereID(rapid.Uint64Range(1, 4).Draw(t, "where id")))
	}
	return q
}

// TestModel holds a store to the model.
func TestModel(t *testing.T) {
	keys := []infohash.Hash{numbered(0), numbered(1), numbered(2)}
	rapid.Check(t, func(t *rapid.T) {
		s := newStore()
		m := &model{now: start}
		var watches []WatchID
		key := func() infohash.Hash { return rapid.SampledFrom(keys).Draw(t, "key") }
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				p := Put{Key: key(), Value: drawValue(t), From: alice}
				p.Created = m.now.Add(time.Duration(rapid.IntRange(-700, 10).Draw(t, "age")) * time.Second)
				switch rapid.IntRange(0, 5).Draw(t, "own") {
				case 0:
					p.Own, p.From = true, netip.AddrPort{}
				case 1:
					p.Own, p.Permanent, p.From = true, true, netip.AddrPort{}
				}
				classified := s.Classify(m.now, p)
				want := m.put(p)
				if got := s.Commit(m.now, p); got != want {
					t.Fatalf("commit: %v, want %v", got, want)
				}
				if classified != want && (classified != NeedsCheck || want != Accepted) {
					t.Fatalf("classified as %v, committed as %v", classified, want)
				}
			},
			"refresh": func(t *rapid.T) {
				k, id := key(), rapid.Uint64Range(1, 4).Draw(t, "id")
				if got, want := s.Refresh(m.now, k, id), m.refresh(k, id); got != want {
					t.Fatalf("refresh: %v, want %v", got, want)
				}
			},
			"remove": func(t *rapid.T) {
				k, id := key(), rapid.Uint64Range(1, 4).Draw(t, "id")
				v := m.find(k, id)
				if got := s.Remove(m.now, k, id); got != (v != nil) {
					t.Fatalf("remove: %v", got)
				}
				if v != nil {
					m.tell(k, "expired", v.value)
					m.values = slices.DeleteFunc(m.values, func(v modelValue) bool { return v.key == k && v.value.ID == id })
				}
			},
			"listen": func(t *rapid.T) {
				q := drawQuery(t)
				l := Listen{
					Key: key(), Node: numbered(rapid.IntRange(10, 11).Draw(t, "node")), SID: rapid.Uint32Range(0, 2).Draw(t, "sid"),
					Addr: rapid.SampledFrom([]netip.AddrPort{alice, bob}).Draw(t, "addr"),
				}
				if !q.IsZero() {
					l.Query = q.Append(nil)
				}
				if err := s.Listen(m.now, l); err != nil {
					t.Fatal(err)
				}
				m.listen(modelListener{l.Key, fmt.Sprintf("%s/%d at %s", l.Node.Short(), l.SID, l.Key.Short()), q, m.now.Add(10 * time.Minute)})
			},
			"watch": func(t *rapid.T) {
				k, q := key(), drawQuery(t)
				id := s.Watch(m.now, k, q)
				watches = append(watches, id)
				m.listen(modelListener{k, fmt.Sprintf("watch %d", id), q, time.Time{}})
			},
			"unwatch": func(t *rapid.T) {
				if len(watches) == 0 {
					t.Skip()
				}
				i := rapid.IntRange(0, len(watches)-1).Draw(t, "watch")
				s.Unwatch(watches[i])
				name := fmt.Sprintf("watch %d", watches[i])
				watches = slices.Delete(watches, i, i+1)
				m.listeners = slices.DeleteFunc(m.listeners, func(l modelListener) bool { return l.name == name })
			},
			"wait": func(t *rapid.T) {
				now := m.now.Add(time.Duration(rapid.IntRange(0, 300).Draw(t, "seconds")) * time.Second)
				if next := s.NextDeadline(); rapid.Bool().Draw(t, "to the deadline") && !next.IsZero() {
					now = next
				}
				m.advance(now)
				s.Tick(now)
				if next := s.NextDeadline(); !next.IsZero() && !next.After(now) {
					t.Fatalf("next deadline %v is not after %v", next, now)
				}
			},
			"": func(t *rapid.T) { compare(t, s, m, keys) },
		})
	})
}

// compare holds what can be seen of a store to the model.
func compare(t *rapid.T, s *Store, m *model, keys []infohash.Hash) {
	check(t, s)
	got := drain(t, s)
	slices.Sort(got)
	slices.Sort(m.pushes)
	if !slices.Equal(got, m.pushes) {
		t.Fatalf("pushes\n%q, want\n%q", got, m.pushes)
	}
	m.pushes = nil
	for _, k := range keys {
		var want []modelValue
		for _, v := range m.values {
			if v.key == k {
				want = append(want, v)
			}
		}
		i := 0
		s.Each(m.now, k, nil, func(x Item) bool {
			if i == len(want) || !bytes.Equal(x.Packed, want[i].value.Append(nil)) || x.Own() != want[i].own {
				t.Fatalf("value %d at %s is %x", x.ID, k.Short(), x.Packed)
			}
			if ends := x.Expires(); want[i].ever != ends.IsZero() || !want[i].ever && !ends.Equal(want[i].expires) {
				t.Fatalf("value %d ends %v, want %v", x.ID, ends, want[i].expires)
			}
			i++
			return true
		})
		if i != len(want) {
			t.Fatalf("%d values at %s, want %d", i, k.Short(), len(want))
		}
	}
}

// TestLog adds and frees strings of all lengths: none is lost or changed, and the
// log stays within its bound.
func TestLog(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type text struct {
			at uint32
			p  []byte
		}
		texts := make(map[uint32]*text)
		var order []uint32
		l := log{
			size:  func(i uint32) int { return len(texts[i].p) },
			moved: func(i, at uint32) { texts[i].at = at },
		}
		most := rapid.SampledFrom([]int{50, 5000, value.MaxPackedSize}).Draw(t, "most")
		grow := true
		steps := rapid.IntRange(1, 5*segmentSize/most).Draw(t, "steps")
		for i := range uint32(min(2*steps, 2000)) {
			if i%100 == 0 {
				grow = rapid.Bool().Draw(t, "grow")
			}
			if grow || len(order) == 0 {
				x := &text{p: make([]byte, int(i*2654435761%uint32(most))+4)}
				binary.LittleEndian.PutUint32(x.p, i)
				x.p[len(x.p)-1] = byte(i)
				texts[i+1] = x
				x.at = l.add(i+1, x.p)
				order = append(order, i+1)
			} else {
				n := int(i * 40503 % uint32(len(order)))
				x := texts[order[n]]
				l.free(x.at, len(x.p))
				delete(texts, order[n])
				order = slices.Delete(order, n, n+1)
			}
		}
		for _, i := range order {
			x := texts[i]
			if !bytes.Equal(l.bytes(x.at, len(x.p)), x.p) {
				t.Fatalf("string %d has changed", i)
			}
		}
		checkLog(t, &l)
	})
}
