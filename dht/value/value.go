// Package value implements what OpenDHT nodes store: values, their wire form,
// signatures and encryption, the types with their policies, and queries.
//
// A [Value] is packed by Append and read by [Parse]. [Sign] and [Verify] (or a
// [Verifier], which remembers) deal with its owner; [Seal] and [Decrypt] with its
// recipient. What a node that stores values makes of a put is for [Types.Judge] to
// say. The payloads of the standard types have a struct each.
//
// Source: opendht spec sections 3 to 5 and 8.
package value

import (
	"rollcall/dht/infohash"
)

// Value is one value of the network. A Value is plain (no Owner), signed
// (Owner and Signature) or encrypted (Cypher; then only ID, Priority and
// PushType are known until it is decrypted). The zero Value is an empty plain
// one. Byte fields of a parsed Value alias the parsed bytes.
type Value struct {
	ID        uint64        // chosen by the putter, unique under one key; 0 is invalid on the wire
	Type      TypeID        // registered type, decides life and policies
	Owner     []byte        // DER SubjectPublicKeyInfo of the signer, nil when unsigned
	Seq       uint16        // edit counter, only with Owner
	Recipient infohash.Hash // key id of the recipient of an encrypted value, else zero
	Data      []byte        // payload, at most MaxDataSize bytes
	UserType  string        // free hint such as "text/plain"
	Signature []byte        // RSASSA-PKCS1-v1_5 with SHA-512 over AppendBody
	Cypher    []byte        // encrypted body and signature
	Priority  uint8         // 0 high (default), 1 normal; push notifications only
	PushType  string        // free text of newer peers such as "audioCall"
}

// TypeID numbers a registered value type (opendht spec 4.4).
type TypeID uint16

// The registered types.
const (
	TypeUserData     TypeID = 0
	TypeMessage      TypeID = 1
	TypeService      TypeID = 2
	TypeIM           TypeID = 3
	TypeTrustRequest TypeID = 4
	TypeICE          TypeID = 5
	TypeCertificate  TypeID = 8
)
