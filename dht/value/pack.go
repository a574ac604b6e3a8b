package value

import (
	"bytes"
	"slices"

	"rollcall/dht/infohash"
	"rollcall/internal/msgpack"
)

// The packed form (opendht spec 4.1). Keys are written in this order, since
// signatures cover the packed body:
//
//	value = {"id": uint64, "dat": DAT, "p"?: uint, "pt"?: str}
//	DAT   = {"body": BODY}              plain
//	      | {"body": BODY, "sig": bin}  signed
//	      | bin                         encrypted
//	BODY  = {"seq": uint16, "owner": bin, "to"?: bin 20,   when there is an owner
//	         "type": uint16, "data": bin, "utype"?: str}
const (
	keyID       = "id"
	keyContent  = "dat"
	keyPriority = "p"
	keyPushType = "pt"
	keyBody     = "body"
	keySig      = "sig"
	keySeq      = "seq"
	keyOwner    = "owner"
	keyTo       = "to"
	keyType     = "type"
	keyData     = "data"
	keyUserType = "utype"
)

// Append appends the packed form of v to b.
func (v *Value) Append(b []byte) []byte {
	n := 2
	if v.Priority != 0 {
		n++
	}
	if v.PushType != "" {
		n++
	}
	b = msgpack.AppendMap(b, n)
	b = msgpack.AppendString(b, keyID)
	b = msgpack.AppendUint(b, v.ID)
	b = msgpack.AppendString(b, keyContent)
	if v.Encrypted() {
		b = msgpack.AppendBin(b, v.Cypher)
	} else {
		b = v.appendContent(b)
	}
	if v.Priority != 0 {
		b = msgpack.AppendString(b, keyPriority)
		b = msgpack.AppendUint(b, uint64(v.Priority))
	}
	if v.PushType != "" {
		b = msgpack.AppendString(b, keyPushType)
		b = msgpack.AppendString(b, v.PushType)
	}
	return b
}

// appendContent appends the map of body and signature: DAT of a value that is
// not encrypted, and the plaintext of one that is.
func (v *Value) appendContent(b []byte) []byte {
	if !v.Signed() {
		b = msgpack.AppendMap(b, 1)
		b = msgpack.AppendString(b, keyBody)
		return v.AppendBody(b)
	}
	b = msgpack.AppendMap(b, 2)
	b = msgpack.AppendString(b, keyBody)
	b = v.AppendBody(b)
	b = msgpack.AppendString(b, keySig)
	return msgpack.AppendBin(b, v.Signature)
}

// AppendBody appends the body of v to b: the bytes that a signature covers
// (opendht spec 4.2). An encrypted value has no body; what is appended for it is
// that of an empty one.
func (v *Value) AppendBody(b []byte) []byte {
	n := 2
	owned := len(v.Owner) > 0
	if owned {
		n += 2
		if !v.Recipient.IsZero() {
			n++
		}
	}
	if v.UserType != "" {
		n++
	}
	b = msgpack.AppendMap(b, n)
	if owned {
		b = msgpack.AppendString(b, keySeq)
		b = msgpack.AppendUint(b, uint64(v.Seq))
		b = msgpack.AppendString(b, keyOwner)
		b = msgpack.AppendBin(b, v.Owner)
		if !v.Recipient.IsZero() {
			b = msgpack.AppendString(b, keyTo)
			b = msgpack.AppendBin(b, v.Recipient[:])
		}
	}
	b = msgpack.AppendString(b, keyType)
	b = msgpack.AppendUint(b, uint64(v.Type))
	b = msgpack.AppendString(b, keyData)
	b = msgpack.AppendBin(b, v.Data)
	if v.UserType != "" {
		b = msgpack.AppendString(b, keyUserType)
		b = msgpack.AppendString(b, v.UserType)
	}
	return b
}

// Size returns the size of v as the network counts it against limits and quotas
// (opendht spec 4.1). It is less than the length of the packed form.
func (v *Value) Size() int {
	return len(v.Cypher) + len(v.Data) + len(v.Signature) + len(v.UserType) + len(v.PushType)
}

// Encrypted reports whether v carries only a cypher, see [Decrypt].
func (v *Value) Encrypted() bool { return len(v.Cypher) > 0 }

// Signed reports whether v names an owner; whether the signature is the owner's
// is for [Verify] to say.
func (v *Value) Signed() bool { return len(v.Owner) > 0 && !v.Encrypted() }

// OwnerID returns the key id of the owner, or the zero hash when v has none.
func (v *Value) OwnerID() infohash.Hash {
	if len(v.Owner) == 0 {
		return infohash.Hash{}
	}
	return KeyID(v.Owner)
}

// Equal reports whether v and o hold the same content, as storing nodes see it
// (opendht spec 4.1): encrypted values with the same cypher; others with the
// same owner, type, data, user type and signature. ID, sequence number,
// recipient and push hints are not compared.
func (v *Value) Equal(o *Value) bool {
	if v.Encrypted() || o.Encrypted() {
		return bytes.Equal(v.Cypher, o.Cypher)
	}
	return v.Type == o.Type && v.UserType == o.UserType &&
		bytes.Equal(v.Data, o.Data) &&
		bytes.Equal(v.Owner, o.Owner) &&
		bytes.Equal(v.Signature, o.Signature)
}

// Clone returns a copy of v that shares no memory with it.
func (v *Value) Clone() *Value {
	c := *v
	c.Owner = slices.Clone(v.Owner)
	c.Data = slices.Clone(v.Data)
	c.Signature = slices.Clone(v.Signature)
	c.Cypher = slices.Clone(v.Cypher)
	return &c
}
