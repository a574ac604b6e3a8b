package fragment

import (
	"bytes"
	"container/list"
	"net/netip"
	"slices"
	"time"

	"rollcall/dht/internal/wire"
)

// message is one message that waits for parts, or parts that wait for their
// message.
type message struct {
	key     key
	source  netip.Prefix
	started time.Time
	useful  time.Time // when the last useful part came, or the header
	element *list.Element
	cost    int // bytes charged for it

	header  []byte // the datagram; nil as long as only parts are here
	values  []partial
	missing int // number of values that are not complete

	early      []wire.Slice // without a header: all parts, as they came
	earlyBytes int
}

// open makes m a message with a header whose values are announced or inline.
func (m *message) open(datagram []byte, values []wire.Value) {
	m.header = bytes.Clone(datagram)
	m.values = make([]partial, len(values))
	for i, v := range values {
		if v.Raw == nil && v.Size > 0 && v.Size <= wire.MaxPacked {
			m.values[i].size = v.Size
			m.missing++
		}
	}
}

// add takes one part and returns what it costs, zero when it is of no use.
func (m *message) add(s wire.Slice) (cost int) {
	if m.header == nil {
		return m.addEarly(s)
	}
	if s.Index >= len(m.values) {
		return 0
	}
	v := &m.values[s.Index]
	cost = v.add(s)
	if cost > 0 && v.complete() {
		m.missing--
	}
	return cost
}

func (m *message) addEarly(s wire.Slice) (cost int) {
	if len(m.early) == earlyParts || m.earlyBytes+len(s.Data) > earlySize {
		return 0
	}
	s.Data = bytes.Clone(s.Data)
	m.early = append(m.early, s)
	m.earlyBytes += len(s.Data)
	return partCost + len(s.Data)
}

// partial is a value of which some bytes have come.
type partial struct {
	size  int          // zero for a value that is not collected
	data  []byte       // its first bytes, up to the first gap
	ahead []wire.Slice // what has come beyond the gap, by offset, without overlap
}

func (p *partial) complete() bool { return len(p.data) == p.size }

// add takes a part that overlaps nothing that is here, and returns what it
// costs, zero when it is of no use.
func (p *partial) add(s wire.Slice) (cost int) {
	if s.Offset < len(p.data) || s.Offset >= p.size || len(s.Data) > p.size-s.Offset {
		return 0
	}
	end := s.Offset + len(s.Data)
	next, _ := slices.BinarySearchFunc(p.ahead, s.Offset, func(x wire.Slice, offset int) int { return x.Offset - offset })
	if next < len(p.ahead) && end > p.ahead[next].Offset {
		return 0
	}
	if s.Offset == len(p.data) {
		p.data = append(p.data, s.Data...)
		p.closeGap()
		return len(s.Data)
	}
	if len(p.ahead) == maxAhead || next > 0 && s.Offset < p.ahead[next-1].Offset+len(p.ahead[next-1].Data) {
		return 0
	}
	s.Data = bytes.Clone(s.Data)
	p.ahead = slices.Insert(p.ahead, next, s)
	return partCost + len(s.Data)
}

// closeGap moves what has become contiguous to data.
func (p *partial) closeGap() {
	n := 0
	for n < len(p.ahead) && p.ahead[n].Offset == len(p.data) {
		p.data = append(p.data, p.ahead[n].Data...)
		n++
	}
	p.ahead = slices.Delete(p.ahead, 0, n)
}

// Assembled is a complete message. It belongs to the caller.
type Assembled struct {
	From   netip.AddrPort
	header []byte
	values []partial
}

// Parse sets m to the message as it would be if its values had been in it. m
// aliases x. Values that were too large to be collected are left out.
func (x *Assembled) Parse(m *wire.Message) error {
	if err := m.Parse(x.header); err != nil {
		return err
	}
	kept := m.Values[:0]
	for i, v := range m.Values {
		if v.Raw == nil {
			v.Raw = x.values[i].data
		}
		if v.Raw != nil {
			kept = append(kept, wire.Value{Raw: v.Raw})
		}
	}
	m.Values = kept
	return nil
}
