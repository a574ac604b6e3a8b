package value

import (
	"bytes"
	"net/netip"

	"rollcall/dht/infohash"
)

// Action is what a storing node does with a put. Every action is acknowledged to
// the sender alike (opendht spec 6.2).
type Action uint8

const (
	// Ignore leaves everything as it is.
	Ignore Action = iota
	// Refresh extends the life of the stored value, which the put repeats.
	Refresh
	// Store keeps the value of the verdict: a new one, or one that replaces the
	// stored value of the same id.
	Store
)

// Verdict is the outcome of [Types.Judge].
type Verdict struct {
	Action Action
	// Verify makes Store depend on the signature: only if [Verify] accepts Value.
	Verify bool
	// Value is what to store, with Store only: the incoming value, or, for a
	// service announcement, a copy that names the sender's address.
	Value *Value
}

// Judge decides what a storing node does with incoming, put at key by a peer at
// from (the zero Addr: by the node itself), where stored is the value it holds there under the same id, or nil
// (opendht spec 4.4, 4.5). It changes nothing and keeps nothing. A caller that
// verifies later must judge again when the stored value has changed meanwhile.
func (t *Types) Judge(key infohash.Hash, stored, incoming *Value, from netip.Addr) Verdict {
	if incoming.Type == TypeService && !incoming.Encrypted() {
		// The announced address is replaced before anything is compared, so that an
		// announcement put again counts as a repetition of the stored one.
		if incoming = announcedFrom(incoming, from); incoming == nil {
			return Verdict{}
		}
	}
	if stored == nil {
		return t.judgeNew(key, incoming)
	}
	if stored.Equal(incoming) {
		return Verdict{Action: Refresh}
	}
	return t.judgeEdit(stored, incoming)
}

// judgeNew applies the store rule of the incoming value's type.
func (t *Types) judgeNew(key infohash.Hash, v *Value) Verdict {
	if v.Encrypted() {
		return storeIf(v.Size() <= MaxDataSize, v)
	}
	if v.Type == TypeCertificate {
		return storeIf(certificateBelongsAt(v.Data, key), v)
	}
	if typ, ok := t.Lookup(v.Type); ok && typ.Secure && v.Signed() {
		return Verdict{Action: Store, Verify: true, Value: v}
	}
	if v.Type == TypeMessage {
		m, err := ParseMessage(v.Data)
		if err != nil || m.Service == "" {
			return Verdict{}
		}
	}
	return storeIf(v.Size() <= MaxDataSize, v)
}

// judgeEdit applies the edit rule of the stored value's type to an incoming value
// that differs from it.
func (t *Types) judgeEdit(stored, v *Value) Verdict {
	if stored.Encrypted() || v.Encrypted() {
		return Verdict{}
	}
	if stored.Type == TypeCertificate {
		return storeIf(v.Type == TypeCertificate && sameCertificateKey(stored.Data, v.Data), v)
	}
	typ, ok := t.Lookup(stored.Type)
	if !ok || !typ.Secure || !stored.Signed() || !bytes.Equal(stored.Owner, v.Owner) {
		return Verdict{}
	}
	if v.Seq < stored.Seq {
		return Verdict{}
	}
	if v.Seq == stored.Seq && !bytes.Equal(v.AppendBody(nil), stored.AppendBody(nil)) {
		return Verdict{}
	}
	return Verdict{Action: Store, Verify: true, Value: v}
}

func storeIf(ok bool, v *Value) Verdict {
	if !ok {
		return Verdict{}
	}
	return Verdict{Action: Store, Value: v}
}

// announcedFrom returns the service announcement v as it is stored: unsigned,
// with the IP of the sender, if there is one, and the port of v. It is nil where v
// announces no port.
func announcedFrom(v *Value, from netip.Addr) *Value {
	s, err := ParseService(v.Data)
	if err != nil || s.Addr.Port() == 0 {
		return nil
	}
	if from.IsValid() {
		s.Addr = netip.AddrPortFrom(from.Unmap(), s.Addr.Port())
	}
	return &Value{ID: v.ID, Type: TypeService, Data: s.Append(nil), Priority: v.Priority, PushType: v.PushType}
}

// certificateBelongsAt reports whether data is a certificate chain and key one
// of the two places of its leaf.
func certificateBelongsAt(data []byte, key infohash.Hash) bool {
	leaf, err := ParseLeaf(data)
	if err != nil {
		return false
	}
	short, long := CertificateKeys(leaf.SPKI)
	return key == short || key == long
}

func sameCertificateKey(a, b []byte) bool {
	old, err := ParseLeaf(a)
	if err != nil {
		return false
	}
	leaf, err := ParseLeaf(b)
	return err == nil && bytes.Equal(old.SPKI, leaf.SPKI)
}
