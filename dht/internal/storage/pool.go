package storage

// pool holds records under handles. Records lie in chunks that never move, and a
// pool of records without pointers costs the garbage collector nothing. Handle 0
// is no record.
type pool[T any] struct {
	chunks []*[chunkSize]T
	free   []uint32
	used   uint32 // the largest handle given out so far
}

const (
	chunkBits = 8
	chunkSize = 1 << chunkBits
)

// at returns the record of handle i. The pointer is good until i is released.
func (p *pool[T]) at(i uint32) *T {
	return &p.chunks[i>>chunkBits][i%chunkSize]
}

// take returns the handle of a zero record.
func (p *pool[T]) take() uint32 {
	if n := len(p.free); n > 0 {
		i := p.free[n-1]
		p.free = p.free[:n-1]
		return i
	}
	p.used++
	if int(p.used>>chunkBits) >= len(p.chunks) {
		p.chunks = append(p.chunks, new([chunkSize]T))
	}
	return p.used
}

// release zeroes record i and makes its handle available again.
func (p *pool[T]) release(i uint32) {
	var zero T
	*p.at(i) = zero
	p.free = append(p.free, i)
}

// len returns the number of records in use.
func (p *pool[T]) len() int { return int(p.used) - len(p.free) }

// link makes a record a member of a ring.
type link struct{ prev, next uint32 }

// rings are lists of records of one pool. A ring is known by its last member,
// whose next is the first; 0 is an empty ring.
type rings struct {
	link func(i uint32) *link
}

// add appends i to the ring.
func (r rings) add(last *uint32, i uint32) {
	x := r.link(i)
	if *last == 0 {
		*x = link{prev: i, next: i}
	} else {
		end := r.link(*last)
		*x = link{prev: *last, next: end.next}
		r.link(end.next).prev = i
		end.next = i
	}
	*last = i
}

// remove takes i out of the ring.
func (r rings) remove(last *uint32, i uint32) {
	x := r.link(i)
	if x.next == i {
		*last = 0
		return
	}
	r.link(x.prev).next = x.next
	r.link(x.next).prev = x.prev
	if *last == i {
		*last = x.prev
	}
}
