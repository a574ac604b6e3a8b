package wire

import "iter"

// SetValues makes m carry packed values: all of them, or, where they are too
// many or too large for one datagram, their sizes. Then split is true and the
// datagrams of Slices must follow the message. m keeps references to the values
// until its next Parse or SetValues.
func (m *Message) SetValues(packed [][]byte) (split bool) {
	sum := 0
	for _, p := range packed {
		sum += len(p)
	}
	split = len(packed) >= maxInline || sum >= inlineSize
	m.Values = m.Values[:0]
	for _, p := range packed {
		v := Value{Raw: p}
		if split {
			v = Value{Size: len(p)}
		}
		m.Values = append(m.Values, v)
	}
	return split
}

// Slices yields the pieces of values that were announced by their sizes, in
// the order in which they must be sent: some peers take no other. Each is one
// datagram, see AppendPart.
func Slices(packed [][]byte) iter.Seq[Slice] {
	return func(yield func(Slice) bool) {
		for i, p := range packed {
			for at := 0; at < len(p); at += sliceSize {
				if !yield(Slice{Index: i, Offset: at, Data: p[at:min(at+sliceSize, len(p))]}) {
					return
				}
			}
		}
	}
}

// Batches cuts the values of a push into runs that a receiver can hold, each to
// be sent in a message of its own.
func Batches(packed [][]byte) iter.Seq[[][]byte] {
	return func(yield func([][]byte) bool) {
		for len(packed) > 0 {
			n, sum := 0, 0
			for n < len(packed) && sum < batchSize {
				sum += len(packed[n])
				n++
			}
			if !yield(packed[:n]) {
				return
			}
			packed = packed[n:]
		}
	}
}
