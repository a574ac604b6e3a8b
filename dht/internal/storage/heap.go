package storage

// heap is a binary heap of records of one pool.
type heap []uint32

// order says how a heap is ordered, and tells each record its place.
type order struct {
	before func(a, b uint32) bool
	place  func(i uint32) *uint32
}

func (o *order) push(h *heap, i uint32) {
	*h = append(*h, i)
	o.up(*h, len(*h)-1)
}

// remove takes out record i, which must be in h.
func (o *order) remove(h *heap, i uint32) {
	at := *o.place(i)
	n := len(*h) - 1
	last := (*h)[n]
	*h = (*h)[:n]
	if i != last {
		(*h)[at] = last
		*o.place(last) = at
		o.fix(*h, last)
	}
}

// fix puts record i, which has changed, where it belongs.
func (o *order) fix(h heap, i uint32) {
	if at := int(*o.place(i)); !o.down(h, at) {
		o.up(h, at)
	}
}

func (o *order) up(h heap, at int) {
	i := h[at]
	for at > 0 {
		parent := (at - 1) / 2
		if !o.before(i, h[parent]) {
			break
		}
		h[at] = h[parent]
		*o.place(h[at]) = uint32(at)
		at = parent
	}
	h[at] = i
	*o.place(i) = uint32(at)
}

// down reports whether it has moved anything.
func (o *order) down(h heap, at int) bool {
	i, start := h[at], at
	for {
		child := 2*at + 1
		if child >= len(h) {
			break
		}
		if child+1 < len(h) && o.before(h[child+1], h[child]) {
			child++
		}
		if !o.before(h[child], i) {
			break
		}
		h[at] = h[child]
		*o.place(h[at]) = uint32(at)
		at = child
	}
	h[at] = i
	*o.place(i) = uint32(at)
	return at != start
}
