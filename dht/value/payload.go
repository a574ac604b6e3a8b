package value

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"

	"rollcall/dht/infohash"
	"rollcall/internal/msgpack"
)

// The payloads of the standard types (opendht spec 5). Readers match map keys by
// name, in any order, pass over unknown ones and leave missing ones at zero; byte
// fields alias what was parsed. Writers use the key order of the peers.

// Message is the payload of TypeMessage: an array [str service, bin data].
type Message struct {
	Service string
	Data    []byte
}

// Append appends the payload to b.
func (m Message) Append(b []byte) []byte {
	b = msgpack.AppendArray(b, 2)
	b = msgpack.AppendString(b, m.Service)
	return msgpack.AppendBin(b, m.Data)
}

// ParseMessage reads the payload of TypeMessage.
func ParseMessage(data []byte) (Message, error) {
	r := msgpack.NewReader(data)
	if r.Array() < 2 {
		r.Fail(errShortArray)
	}
	m := Message{Service: string(r.Str()), Data: r.Blob()}
	return m, readError(&r)
}

// Service is the payload of TypeService: a bin of a Linux socket address.
//
//	IPv4, 16 bytes: family 2 (2, little-endian), port (2), address (4), zero (8)
//	IPv6, 28 bytes: family 10 (2, little-endian), port (2), flow (4), address (16), scope (4)
type Service struct {
	Addr netip.AddrPort
}

const (
	familyIPv4 = 2
	familyIPv6 = 10
	sizeIPv4   = 16
	sizeIPv6   = 28
)

// Append appends the payload to b. The zone of an address is lost.
func (s Service) Append(b []byte) []byte {
	var addr [sizeIPv6]byte
	binary.BigEndian.PutUint16(addr[2:], s.Addr.Port())
	ip := s.Addr.Addr()
	if ip.Is4() {
		binary.LittleEndian.PutUint16(addr[:], familyIPv4)
		ip4 := ip.As4()
		copy(addr[4:], ip4[:])
		return msgpack.AppendBin(b, addr[:sizeIPv4])
	}
	binary.LittleEndian.PutUint16(addr[:], familyIPv6)
	ip16 := ip.As16()
	copy(addr[8:], ip16[:])
	return msgpack.AppendBin(b, addr[:])
}

// ParseService reads the payload of TypeService.
func ParseService(data []byte) (Service, error) {
	r := msgpack.NewReader(data)
	addr := r.Blob()
	if err := readError(&r); err != nil {
		return Service{}, err
	}
	if len(addr) >= 2 {
		switch family := binary.LittleEndian.Uint16(addr); {
		case family == familyIPv4 && len(addr) == sizeIPv4:
			return Service{netip.AddrPortFrom(netip.AddrFrom4([4]byte(addr[4:8])), binary.BigEndian.Uint16(addr[2:]))}, nil
		case family == familyIPv6 && len(addr) == sizeIPv6:
			return Service{netip.AddrPortFrom(netip.AddrFrom16([16]byte(addr[8:24])), binary.BigEndian.Uint16(addr[2:]))}, nil
		}
	}
	return Service{}, fmt.Errorf("%w: not an IPv4 or IPv6 socket address", ErrMalformed)
}

// TrustRequest is the payload of TypeTrustRequest. It counts only when it comes
// out of [Decrypt]; the sender is the owner of the value.
type TrustRequest struct {
	Service        string // "cx.ring" for Jami accounts
	ConversationID string
	Payload        []byte // a vCard, opaque here
	Confirm        bool   // answers a request instead of making one
	InvitedMs      int64  // time of the first sending, Unix milliseconds; 0 unknown
}

// Append appends the payload to b, in the form of newer peers, which older ones
// read as well.
func (t TrustRequest) Append(b []byte) []byte {
	b = msgpack.AppendMap(b, 5)
	b = msgpack.AppendString(b, "service")
	b = msgpack.AppendString(b, t.Service)
	b = msgpack.AppendString(b, "conversationId")
	b = msgpack.AppendString(b, t.ConversationID)
	b = msgpack.AppendString(b, "payload")
	b = msgpack.AppendBin(b, t.Payload)
	b = msgpack.AppendString(b, "confirm")
	b = msgpack.AppendBool(b, t.Confirm)
	b = msgpack.AppendString(b, "invitedMs")
	return msgpack.AppendInt(b, t.InvitedMs)
}

// ParseTrustRequest reads the payload of TypeTrustRequest.
func ParseTrustRequest(data []byte) (TrustRequest, error) {
	var t TrustRequest
	r := msgpack.NewReader(data)
	for range r.Map() {
		switch string(nextKey(&r)) {
		case "service":
			t.Service = string(r.Str())
		case "conversationId":
			t.ConversationID = string(r.Str())
		case "payload":
			t.Payload = r.Blob()
		case "confirm":
			t.Confirm = r.Bool()
		case "invitedMs":
			t.InvitedMs = r.Int()
		default:
			r.Skip()
		}
	}
	return t, readError(&r)
}

// IMStatus is the state that an instant message reports.
type IMStatus uint8

// The states of an instant message.
const (
	IMNone IMStatus = iota
	IMTyping
	IMReceived
	IMRead
)

// IMMessage is the payload of TypeIM. It counts only when its value is signed.
type IMMessage struct {
	ID       uint64
	Text     string
	Date     int64 // Unix seconds
	Status   IMStatus
	DataType string // "text/plain" and the like
	Metadata map[string]string
}

// Append appends the payload to b.
func (m IMMessage) Append(b []byte) []byte {
	b = msgpack.AppendMap(b, 6)
	b = msgpack.AppendString(b, "id")
	b = msgpack.AppendUint(b, m.ID)
	b = msgpack.AppendString(b, "msg")
	b = msgpack.AppendString(b, m.Text)
	b = msgpack.AppendString(b, "date")
	b = msgpack.AppendInt(b, m.Date)
	b = msgpack.AppendString(b, "status")
	b = msgpack.AppendUint(b, uint64(m.Status))
	b = msgpack.AppendString(b, "datatype")
	b = msgpack.AppendString(b, m.DataType)
	b = msgpack.AppendString(b, "metadatas")
	b = msgpack.AppendMap(b, len(m.Metadata))
	for _, k := range slices.Sorted(maps.Keys(m.Metadata)) {
		b = msgpack.AppendString(b, k)
		b = msgpack.AppendString(b, m.Metadata[k])
	}
	return b
}

// ParseIMMessage reads the payload of TypeIM.
func ParseIMMessage(data []byte) (IMMessage, error) {
	var m IMMessage
	r := msgpack.NewReader(data)
	for range r.Map() {
		switch string(nextKey(&r)) {
		case "id":
			m.ID = r.Uint()
		case "msg":
			m.Text = string(r.Str())
		case "date":
			m.Date = r.Int()
		case "status":
			m.Status = IMStatus(r.UintMax(math.MaxUint8))
		case "datatype":
			m.DataType = string(r.Str())
		case "metadatas":
			m.Metadata = readMetadata(&r)
		default:
			r.Skip()
		}
	}
	return m, readError(&r)
}

func readMetadata(r *msgpack.Reader) map[string]string {
	n := r.Map()
	if n > maxMetadata {
		r.Fail(fmt.Errorf("%w: %d metadata entries, at most %d", ErrTooLarge, n, maxMetadata))
		return nil
	}
	metadata := make(map[string]string, n)
	for range n {
		k := string(r.Str())
		metadata[k] = string(r.Str())
	}
	return metadata
}

// ICECandidates is the payload of TypeICE: an array [uint64 id, bin data]. It
// counts only when it comes out of [Decrypt].
type ICECandidates struct {
	ID   uint64
	Data []byte
}

// Append appends the payload to b.
func (c ICECandidates) Append(b []byte) []byte {
	b = msgpack.AppendArray(b, 2)
	b = msgpack.AppendUint(b, c.ID)
	return msgpack.AppendBin(b, c.Data)
}

// ParseICECandidates reads the payload of TypeICE.
func ParseICECandidates(data []byte) (ICECandidates, error) {
	r := msgpack.NewReader(data)
	if r.Array() < 2 {
		r.Fail(errShortArray)
	}
	c := ICECandidates{ID: r.Uint(), Data: r.Blob()}
	return c, readError(&r)
}

// AppendRevocationList appends the payload that carries a DER revocation list
// (opendht spec 5.7); its values have no type of their own.
func AppendRevocationList(b, der []byte) []byte { return msgpack.AppendBin(b, der) }

// ParseRevocationList returns the DER of the revocation list in data, for
// x509.ParseRevocationList to read.
func ParseRevocationList(data []byte) ([]byte, error) {
	r := msgpack.NewReader(data)
	der := r.Blob()
	if r.Err() == nil && (len(der) == 0 || der[0] != derSequence) {
		r.Fail(fmt.Errorf("%w: not a DER revocation list", ErrMalformed))
	}
	return der, readError(&r)
}

const derSequence = 0x30

// DeviceAnnouncement is the payload, of type user data, by which a device of an
// account announces that it is on the network; the value is signed by the account
// (account spec 5).
type DeviceAnnouncement struct {
	Device    infohash.Hash // key id of the device
	PublicKey []byte        // its DER SubjectPublicKeyInfo; nil from very old devices
}

// Append appends the payload to b.
func (d DeviceAnnouncement) Append(b []byte) []byte {
	n := 1
	if len(d.PublicKey) > 0 {
		n++
	}
	b = msgpack.AppendMap(b, n)
	b = msgpack.AppendString(b, "dev")
	b = msgpack.AppendBin(b, d.Device[:])
	if len(d.PublicKey) > 0 {
		b = msgpack.AppendString(b, "pk")
		b = msgpack.AppendBin(b, d.PublicKey)
	}
	return b
}

// ParseDeviceAnnouncement reads a device announcement. Device is never zero, and
// the id of PublicKey where there is one.
func ParseDeviceAnnouncement(data []byte) (DeviceAnnouncement, error) {
	var d DeviceAnnouncement
	r := msgpack.NewReader(data)
	for range r.Map() {
		switch string(nextKey(&r)) {
		case "dev":
			d.Device, _ = infohash.FromBytes(r.Blob())
		case "pk":
			d.PublicKey = r.Blob()
		default:
			r.Skip()
		}
	}
	if r.Err() == nil && (d.Device.IsZero() || len(d.PublicKey) > 0 && KeyID(d.PublicKey) != d.Device) {
		r.Fail(fmt.Errorf("%w: device announcement without a device, or with the key of another", ErrMalformed))
	}
	return d, readError(&r)
}

var errShortArray = fmt.Errorf("%w: array too short", ErrMalformed)
