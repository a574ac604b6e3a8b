package signaling

import (
	"errors"
	"fmt"

	"rollcall/internal/msgpack"
)

// MaxID is the largest id of a request that peers choose (peer spec 1.2).
const MaxID = 1 << 53

// ErrRequest reports a PeerConnectionRequest that cannot be read.
var ErrRequest = errors.New("signaling: bad peer connection request")

// Request is a PeerConnectionRequest: a question to connect, or the answer to
// one. On the wire it is a msgpack map, in this order (peer spec 1.2):
//
//	id        uint  names the attempt; an answer repeats it
//	ice_msg   str   a Description
//	isAnswer  bool
//	connType  str   why: "", "sync", a MIME type; "" in an answer
type Request struct {
	ID          uint64 // 1 to MaxID; 0 where the peer named none
	Description string // the text of a Description, not parsed
	Answer      bool
	ConnType    string
}

// Append appends the request as peers write it.
func (r *Request) Append(b []byte) []byte {
	b = msgpack.AppendMap(b, 4)
	b = msgpack.AppendUint(msgpack.AppendString(b, "id"), r.ID)
	b = msgpack.AppendString(msgpack.AppendString(b, "ice_msg"), r.Description)
	b = msgpack.AppendBool(msgpack.AppendString(b, "isAnswer"), r.Answer)
	return msgpack.AppendString(msgpack.AppendString(b, "connType"), r.ConnType)
}

// ParseRequest reads a request, in any order of its keys: missing ones give zero
// values, unknown ones are passed over. Nothing of the result aliases b.
func ParseRequest(b []byte) (Request, error) {
	var req Request
	r := msgpack.NewReader(b)
	for range r.Map() {
		switch string(r.Key()) {
		case "id":
			req.ID = r.UintMax(MaxID)
		case "ice_msg":
			req.Description = str(&r, MaxDescription)
		case "isAnswer":
			req.Answer = r.Bool()
		case "connType":
			req.ConnType = str(&r, MaxConnType)
		default:
			r.Skip()
		}
		if r.Err() != nil {
			break
		}
	}
	if err := r.Err(); err != nil {
		return Request{}, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	return req, nil
}

// str reads a string of at most limit bytes.
func str(r *msgpack.Reader, limit int) string {
	s := r.Str()
	if len(s) > limit {
		r.Fail(fmt.Errorf("string of %d bytes, the limit is %d", len(s), limit))
		return ""
	}
	return string(s)
}
