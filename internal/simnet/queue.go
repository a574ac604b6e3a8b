package simnet

import "time"

// queue is a heap of packets by the time of their arrival; those of the same
// time keep the order in which they were pushed. It is four children wide:
// flatter than a binary heap, with the children side by side in memory.
type queue struct {
	heap []arrival
	last uint64
}

type arrival struct {
	at     time.Duration
	seq    uint64
	packet *packet
}

func (a *arrival) before(b *arrival) bool {
	return a.at < b.at || a.at == b.at && a.seq < b.seq
}

// next returns when the first packet arrives; ok is false when there is none.
func (q *queue) next() (at time.Duration, ok bool) {
	if len(q.heap) == 0 {
		return 0, false
	}
	return q.heap[0].at, true
}

func (q *queue) push(at time.Duration, p *packet) {
	q.last++
	q.heap = append(q.heap, arrival{at: at, seq: q.last, packet: p})
	i := len(q.heap) - 1
	for i > 0 {
		parent := (i - 1) / 4
		if !q.heap[i].before(&q.heap[parent]) {
			return
		}
		q.heap[i], q.heap[parent] = q.heap[parent], q.heap[i]
		i = parent
	}
}

// pop removes the packet that arrives first. The queue must not be empty.
func (q *queue) pop() *packet {
	first := q.heap[0].packet
	end := len(q.heap) - 1
	moved := q.heap[end]
	q.heap[end] = arrival{}
	q.heap = q.heap[:end]
	if end == 0 {
		return first
	}
	i := 0
	for {
		child := 4*i + 1
		if child >= end {
			break
		}
		for c := child + 1; c < min(4*i+5, end); c++ {
			if q.heap[c].before(&q.heap[child]) {
				child = c
			}
		}
		if !q.heap[child].before(&moved) {
			break
		}
		q.heap[i] = q.heap[child]
		i = child
	}
	q.heap[i] = moved
	return first
}
