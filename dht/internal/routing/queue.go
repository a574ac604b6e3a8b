package routing

// queue is a list of nodes in the order of their arrival. The zero value is an
// empty one.
type queue struct {
	first, last *Node
	len         int
}

// front returns the node that came first, or nil.
func (q *queue) front() *Node { return q.first }

// push adds n at the end.
func (q *queue) push(n *Node) {
	n.prev, n.next, n.queued = q.last, nil, true
	if q.last != nil {
		q.last.next = n
	} else {
		q.first = n
	}
	q.last = n
	q.len++
}

// remove takes n out of the queue.
func (q *queue) remove(n *Node) {
	if n.prev != nil {
		n.prev.next = n.next
	} else {
		q.first = n.next
	}
	if n.next != nil {
		n.next.prev = n.prev
	} else {
		q.last = n.prev
	}
	n.prev, n.next, n.queued = nil, nil, false
	q.len--
}
