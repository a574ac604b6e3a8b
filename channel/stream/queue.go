package stream

import (
	"slices"
	"sync"
)

// queue holds bytes that came and were not read, in chunks that all channels
// share: one that is read out holds none.
type queue struct {
	chunks []*chunk
}

// chunk is as large as a TLS record, so that a transfer takes one at a time.
type chunk struct {
	from, to int // what is held is in buf[from:to]
	buf      [readSize]byte
}

var chunks = sync.Pool{New: func() any { return new(chunk) }}

func (q *queue) empty() bool { return len(q.chunks) == 0 }

// push copies p to the end.
func (q *queue) push(p []byte) {
	for len(p) > 0 {
		if q.empty() || q.chunks[len(q.chunks)-1].to == readSize {
			q.chunks = append(q.chunks, chunks.Get().(*chunk))
		}
		last := q.chunks[len(q.chunks)-1]
		n := copy(last.buf[last.to:], p)
		last.to += n
		p = p[n:]
	}
}

// pop moves bytes from the front to p, and returns how many.
func (q *queue) pop(p []byte) (n int) {
	for n < len(p) && !q.empty() {
		first := q.chunks[0]
		taken := copy(p[n:], first.buf[first.from:first.to])
		first.from += taken
		n += taken
		if first.from == first.to {
			q.drop(1)
		}
	}
	return n
}

// clear drops everything.
func (q *queue) clear() { q.drop(len(q.chunks)) }

// drop gives the first n chunks back.
func (q *queue) drop(n int) {
	for _, c := range q.chunks[:n] {
		c.from, c.to = 0, 0
		chunks.Put(c)
	}
	q.chunks = slices.Delete(q.chunks, 0, n)
}
