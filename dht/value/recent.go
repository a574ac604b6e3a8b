package value

// recent maps keys to values and holds the most recently used of them. The zero
// recent is empty. It is not safe for concurrent use.
type recent[K comparable, V any] struct {
	index   map[K]int32 // positions in entries
	entries []recentEntry[K, V]
	head    int32 // most recently used; valid when entries is not empty
}

// recentEntry is one element of a ring: from the most recently used along next,
// to the least recently used, whose next is the head again.
type recentEntry[K comparable, V any] struct {
	key        K
	value      V
	prev, next int32
}

// get returns the value of key and marks it as just used.
func (r *recent[K, V]) get(key K) (V, bool) {
	i, ok := r.index[key]
	if !ok {
		var none V
		return none, false
	}
	r.touch(i)
	return r.entries[i].value, true
}

// put sets the value of key and marks it as just used. Where that makes more than
// limit keys, the least recently used one is dropped.
func (r *recent[K, V]) put(key K, value V, limit int) {
	if i, ok := r.index[key]; ok {
		r.entries[i].value = value
		r.touch(i)
		return
	}
	if r.index == nil {
		r.index = make(map[K]int32)
	}
	if len(r.entries) < limit {
		i := int32(len(r.entries))
		r.entries = append(r.entries, recentEntry[K, V]{key: key, value: value, prev: i, next: i})
		r.index[key] = i
		if i > 0 {
			r.linkBefore(i, r.head)
		}
		r.head = i
		return
	}
	last := r.entries[r.head].prev
	delete(r.index, r.entries[last].key)
	r.index[key] = last
	r.entries[last].key, r.entries[last].value = key, value
	r.head = last
}

// touch moves entry i to the head of the ring.
func (r *recent[K, V]) touch(i int32) {
	if i == r.head {
		return
	}
	e := &r.entries[i]
	r.entries[e.prev].next = e.next
	r.entries[e.next].prev = e.prev
	r.linkBefore(i, r.head)
	r.head = i
}

// linkBefore links entry i in front of entry at.
func (r *recent[K, V]) linkBefore(i, at int32) {
	prev := r.entries[at].prev
	r.entries[i].prev, r.entries[i].next = prev, at
	r.entries[prev].next = i
	r.entries[at].prev = i
}
