package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/pion/stun/v4"
)

// ErrCheck reports a STUN message that cannot be read.
var ErrCheck = errors.New("wire: bad STUN message")

// TransactionID tells the answer of which request a message is.
type TransactionID = [stun.TransactionIDSize]byte

// CodeRoleConflict is the error of a check between two sides of the same role
// (RFC 5245 section 7.2.1.1).
const CodeRoleConflict = 487

// Request is a connectivity check (peer spec 2.4).
type Request struct {
	Username    string // "<ufrag of the receiver>:<ufrag of the sender>"
	Priority    uint32 // of the candidate, were it learnt from this check
	Controlling bool   // the role of the sender
	TieBreaker  uint64
	Nominate    bool // USE-CANDIDATE
}

// AppendRequest appends a frame with a check, signed with the password of the
// receiver.
func AppendRequest(b []byte, id TransactionID, r *Request, password string) []byte {
	m := begin(stun.BindingRequest, id)
	m.Add(stun.AttrUsername, []byte(r.Username))
	m.Add(stun.AttrPriority, binary.BigEndian.AppendUint32(nil, r.Priority))
	role := stun.AttrICEControlled
	if r.Controlling {
		role = stun.AttrICEControlling
	}
	m.Add(role, binary.BigEndian.AppendUint64(nil, r.TieBreaker))
	if r.Nominate {
		m.Add(stun.AttrUseCandidate, nil)
	}
	return seal(b, m, password)
}

// AppendSuccess appends a frame with the answer to a check that came from addr,
// signed with the password of the sender.
func AppendSuccess(b []byte, id TransactionID, addr netip.AddrPort, password string) []byte {
	m := begin(stun.BindingSuccess, id)
	// Fails for addresses of neither family only, which no connection has.
	_ = stun.XORMappedAddress{IP: addr.Addr().Unmap().AsSlice(), Port: int(addr.Port())}.AddTo(m)
	return seal(b, m, password)
}

// AppendRoleConflict appends a frame with the answer to a check whose sender
// must take the other role, signed with the password of the sender of the
// answer.
func AppendRoleConflict(b []byte, id TransactionID, password string) []byte {
	m := begin(stun.BindingError, id)
	// Fails for reasons that are too long only.
	_ = stun.ErrorCodeAttribute{Code: CodeRoleConflict, Reason: []byte("Role Conflict")}.AddTo(m)
	return seal(b, m, password)
}

// AppendKeepalive appends a frame with an indication, which nobody answers (peer
// spec 2.4).
func AppendKeepalive(b []byte, id TransactionID) []byte {
	return frame(b, begin(stun.NewType(stun.MethodBinding, stun.ClassIndication), id))
}

func begin(t stun.MessageType, id TransactionID) *stun.Message {
	m := &stun.Message{Type: t, TransactionID: id}
	m.WriteHeader()
	return m
}

// seal signs a message and appends its frame. The setters fail only if a
// message already has what they add.
func seal(b []byte, m *stun.Message, password string) []byte {
	_ = stun.NewShortTermIntegrity(password).AddTo(m)
	_ = stun.Fingerprint.AddTo(m)
	return frame(b, m)
}

func frame(b []byte, m *stun.Message) []byte {
	return append(AppendHeader(b, len(m.Raw)), m.Raw...)
}

// Kind is what a message is.
type Kind uint8

// The kinds of messages.
const (
	KindRequest Kind = iota
	KindIndication
	KindSuccess
	KindError
)

// Message is a STUN message of the method Binding.
type Message struct {
	Kind    Kind
	ID      TransactionID
	Request Request // of KindRequest
	Code    int     // of KindError

	stun stun.Message
}

// ParseMessage reads a STUN message without its frame's header. It copies b. A
// request must have all of its attributes, each of them signed; whether the
// signature is right, Verify tells.
func ParseMessage(b []byte) (*Message, error) {
	if !IsCheck(b, len(b)) {
		return nil, fmt.Errorf("%w: not STUN", ErrCheck)
	}
	m := &Message{stun: stun.Message{Raw: bytes.Clone(b)}}
	if err := m.stun.Decode(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCheck, err)
	}
	if m.stun.Type.Method != stun.MethodBinding {
		return nil, fmt.Errorf("%w: another method than Binding", ErrCheck)
	}
	m.ID = m.stun.TransactionID
	var err error
	switch m.stun.Type.Class {
	case stun.ClassRequest:
		m.Kind = KindRequest
		err = m.Request.read(&m.stun)
	case stun.ClassIndication:
		m.Kind = KindIndication
	case stun.ClassSuccessResponse:
		m.Kind = KindSuccess
	default:
		m.Kind = KindError
		var code stun.ErrorCodeAttribute
		err = code.GetFrom(&m.stun)
		m.Code = int(code.Code)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCheck, err)
	}
	return m, nil
}

// read takes the attributes of a request.
func (r *Request) read(m *stun.Message) error {
	name, err := m.Get(stun.AttrUsername)
	if err != nil {
		return err
	}
	r.Username = string(name)
	priority, err := sized(m, stun.AttrPriority, 4)
	if err != nil {
		return err
	}
	r.Priority = binary.BigEndian.Uint32(priority)
	role := stun.AttrICEControlled
	if r.Controlling = m.Contains(stun.AttrICEControlling); r.Controlling {
		role = stun.AttrICEControlling
	}
	tie, err := sized(m, role, 8)
	if err != nil {
		return err
	}
	r.TieBreaker = binary.BigEndian.Uint64(tie)
	r.Nominate = m.Contains(stun.AttrUseCandidate)
	return nil
}

// sized returns the value of an attribute that has exactly n bytes.
func sized(m *stun.Message, attr stun.AttrType, n int) ([]byte, error) {
	v, err := m.Get(attr)
	if err != nil {
		return nil, err
	}
	return v, stun.CheckSize(attr, len(v), n)
}

// Verify reports whether the message is whole and signed with password.
func (m *Message) Verify(password string) bool {
	return stun.Fingerprint.Check(&m.stun) == nil && stun.NewShortTermIntegrity(password).Check(&m.stun) == nil
}

// Mapped returns the address that a success says our request came from.
func (m *Message) Mapped() (netip.AddrPort, bool) {
	var x stun.XORMappedAddress
	if x.GetFrom(&m.stun) != nil {
		return netip.AddrPort{}, false
	}
	addr, ok := netip.AddrFromSlice(x.IP)
	return netip.AddrPortFrom(addr.Unmap(), uint16(x.Port)), ok
}
