package wire

import (
	"encoding/binary"
	"net/netip"

	"rollcall/dht/infohash"
	"rollcall/internal/msgpack"
)

// methodNames are the methods as requests name them.
var methodNames = [...]string{
	Ping: "ping", Find: "find", Get: "get", Put: "put",
	Refresh: "refresh", Listen: "listen", Update: "update",
}

// kindNames are the kinds as y names them.
var kindNames = [...]string{Request: "q", Reply: "r", Error: "e", Push: "r", Part: "p"}

// Append appends the datagram of m to b. It writes the keys in the order in
// which OpenDHT does.
func (m *Message) Append(b []byte) []byte {
	if m.Kind == Part {
		return m.appendParts(b, m.Parts...)
	}
	w := openMap(b)
	switch m.Kind {
	case Request:
		w.key("a")
		w.b = m.appendArgs(w.b)
		w.string("q", methodNames[m.Method])
	case Reply:
		w.key("r")
		w.b = m.appendReply(w.b)
	case Error:
		w.key("e")
		w.b = msgpack.AppendArray(w.b, 2)
		w.b = msgpack.AppendUint(w.b, uint64(m.Code))
		w.b = msgpack.AppendString(w.b, string(m.Text))
		w.key("r")
		w.b = m.appendSender(w.b)
	case Push:
		w.key("u")
		w.b = m.appendPush(w.b)
	}
	w.uint("t", uint64(m.TID))
	w.string("y", kindNames[m.Kind])
	w.string("v", Agent)
	m.appendMarks(&w)
	return w.close()
}

// AppendPart appends the datagram that carries s as a part of m: one with the
// transaction, network and client mark of m.
func (m *Message) AppendPart(b []byte, s Slice) []byte { return m.appendParts(b, s) }

func (m *Message) appendParts(b []byte, parts ...Slice) []byte {
	w := openMap(b)
	m.appendMarks(&w)
	w.string("y", kindNames[Part])
	w.uint("t", uint64(m.TID))
	w.key("p")
	w.b = msgpack.AppendMap(w.b, len(parts))
	for i := range parts {
		w.b = msgpack.AppendUint(w.b, uint64(parts[i].Index))
		w.b = msgpack.AppendMap(w.b, 2)
		w.b = msgpack.AppendString(w.b, "o")
		w.b = msgpack.AppendUint(w.b, uint64(parts[i].Offset))
		w.b = msgpack.AppendString(w.b, "d")
		w.b = msgpack.AppendBin(w.b, parts[i].Data)
	}
	return w.close()
}

// appendMarks writes what sets a message apart from those of most senders.
func (m *Message) appendMarks(w *mapWriter) {
	if m.Network != 0 {
		w.uint("n", uint64(m.Network))
	}
	if m.Client {
		w.key("s")
		w.b = msgpack.AppendBool(w.b, true)
	}
}

func (m *Message) appendArgs(b []byte) []byte {
	w := openMap(b)
	w.hash("id", m.ID)
	switch m.Method {
	case Find:
		w.hash("target", m.Key)
		m.appendWant(&w)
	case Get:
		w.hash("h", m.Key)
		w.raw("q", m.Query)
		m.appendWant(&w)
	case Put:
		w.hash("h", m.Key)
		m.appendValues(&w)
		if m.HasCreated {
			w.key("c")
			w.b = msgpack.AppendInt(w.b, m.Created)
		}
		w.bin("token", m.Token)
	case Refresh:
		w.hash("h", m.Key)
		w.uint("vid", m.VID)
		w.bin("token", m.Token)
	case Listen:
		m.appendVersion(&w)
		w.hash("h", m.Key)
		w.bin("token", m.Token)
		w.uint("sid", uint64(m.SID))
		w.raw("q", m.Query)
	case Update:
		m.appendVersion(&w)
		w.hash("h", m.Key)
		w.uint("sid", uint64(m.SID))
		m.appendValues(&w)
		w.bin("token", m.Token)
		w.ids("re", m.Refreshed)
		w.ids("exp", m.Expired)
	}
	return w.close()
}

func (m *Message) appendReply(b []byte) []byte {
	w := openMap(b)
	w.hash("id", m.ID)
	if m.VID != 0 {
		w.uint("vid", m.VID)
	}
	w.addr("sa", m.Addr)
	w.bin("n4", m.Nodes4)
	w.bin("n6", m.Nodes6)
	w.bin("token", m.Token)
	m.appendValues(&w)
	w.raw("fileds", m.Fields)
	return w.close()
}

func (m *Message) appendSender(b []byte) []byte {
	w := openMap(b)
	w.hash("id", m.ID)
	return w.close()
}

func (m *Message) appendPush(b []byte) []byte {
	w := openMap(b)
	w.hash("id", m.ID)
	w.bin("token", m.Token)
	w.ids("re", m.Refreshed)
	w.ids("exp", m.Expired)
	return w.close()
}

func (m *Message) appendVersion(w *mapWriter) {
	if m.Version != 0 {
		w.key("ve")
		w.b = msgpack.AppendInt(w.b, int64(m.Version))
	}
}

func (m *Message) appendWant(w *mapWriter) {
	if m.Want == 0 {
		return
	}
	var families [2]uint64
	n := 0
	if m.Want&WantIPv4 != 0 {
		families[n] = familyIPv4
		n++
	}
	if m.Want&WantIPv6 != 0 {
		families[n] = familyIPv6
		n++
	}
	w.key("w")
	w.b = msgpack.AppendArray(w.b, n)
	for _, family := range families[:n] {
		w.b = msgpack.AppendUint(w.b, family)
	}
}

func (m *Message) appendValues(w *mapWriter) {
	if len(m.Values) == 0 {
		return
	}
	w.key("values")
	w.b = msgpack.AppendArray(w.b, len(m.Values))
	for i := range m.Values {
		if v := &m.Values[i]; v.Raw != nil {
			w.b = append(w.b, v.Raw...)
		} else {
			w.b = msgpack.AppendUint(w.b, uint64(v.Size))
		}
	}
}

// AppendNode appends a node in the compact form of Nodes4 or Nodes6, whichever
// its address calls for.
func AppendNode(b []byte, id infohash.Hash, addr netip.AddrPort) []byte {
	b = append(b, id[:]...)
	if ip := addr.Addr().Unmap(); ip.Is4() {
		raw := ip.As4()
		b = append(b, raw[:]...)
	} else {
		raw := ip.As16()
		b = append(b, raw[:]...)
	}
	return binary.BigEndian.AppendUint16(b, addr.Port())
}

// mapWriter appends one map whose number of pairs, at most 15, is known only at
// its end. All but key and uint leave out an absent value.
type mapWriter struct {
	b     []byte
	start int
	pairs byte
}

// fixmap is the first byte of a map of up to 15 pairs, less their number.
const fixmap = 0x80

func openMap(b []byte) mapWriter { return mapWriter{b: append(b, fixmap), start: len(b)} }

func (w *mapWriter) close() []byte {
	w.b[w.start] |= w.pairs
	return w.b
}

// key starts a pair, whose value the caller appends.
func (w *mapWriter) key(k string) {
	w.pairs++
	w.b = msgpack.AppendString(w.b, k)
}

func (w *mapWriter) uint(k string, v uint64) {
	w.key(k)
	w.b = msgpack.AppendUint(w.b, v)
}

func (w *mapWriter) string(k, v string) {
	w.key(k)
	w.b = msgpack.AppendString(w.b, v)
}

func (w *mapWriter) hash(k string, h infohash.Hash) {
	if !h.IsZero() {
		w.key(k)
		w.b = msgpack.AppendBin(w.b, h[:])
	}
}

func (w *mapWriter) bin(k string, v []byte) {
	if len(v) > 0 {
		w.key(k)
		w.b = msgpack.AppendBin(w.b, v)
	}
}

// raw appends an object that is packed already.
func (w *mapWriter) raw(k string, packed []byte) {
	if len(packed) > 0 {
		w.key(k)
		w.b = append(w.b, packed...)
	}
}

func (w *mapWriter) ids(k string, ids []uint64) {
	if len(ids) == 0 {
		return
	}
	w.key(k)
	w.b = msgpack.AppendArray(w.b, len(ids))
	for _, id := range ids {
		w.b = msgpack.AppendUint(w.b, id)
	}
}

func (w *mapWriter) addr(k string, ip netip.Addr) {
	switch ip = ip.Unmap(); {
	case ip.Is4():
		raw := ip.As4()
		w.bin(k, raw[:])
	case ip.Is6():
		raw := ip.As16()
		w.bin(k, raw[:])
	}
}
