package contact

import (
	"fmt"

	"rollcall/dht/infohash"
	"rollcall/internal/msgpack"
)

// The file of pending requests and the "trust_requests" map that devices of an
// account exchange (contacts spec 2.1):
//
//	map  bin 20 account id → map
//	    device                  bin   DER SubjectPublicKeyInfo of the sending device
//	    conversationId          str
//	    received                int   seconds
//	    payload                 bin
//	    receivedMs, invitedMs   int   milliseconds, from newer peers only

// AppendRequests appends the requests as one map, in the form of newer peers.
func AppendRequests(b []byte, requests []Request) []byte {
	b = msgpack.AppendMap(b, len(requests))
	for i := range requests {
		r := &requests[i]
		b = msgpack.AppendBin(b, r.From[:])
		b = msgpack.AppendMap(b, 6)
		b = msgpack.AppendString(b, keyDevice)
		b = msgpack.AppendBin(b, r.DeviceKey)
		b = msgpack.AppendString(b, keyConversation)
		b = msgpack.AppendString(b, r.ConversationID)
		b = msgpack.AppendString(b, keyReceived)
		b = msgpack.AppendInt(b, r.Received/msPerSecond)
		b = msgpack.AppendString(b, keyPayload)
		b = msgpack.AppendBin(b, r.Payload)
		b = msgpack.AppendString(b, keyReceivedMs)
		b = msgpack.AppendInt(b, r.Received)
		b = msgpack.AppendString(b, keyInvitedMs)
		b = msgpack.AppendInt(b, r.Invited)
	}
	return b
}

// ParseRequests reads a map of pending requests in either form. Damage is
// reported as by [ParseContacts]. The slices of the requests alias b.
func ParseRequests(b []byte) (requests []Request, bad []Bad, err error) {
	bad, err = parsePeers(b, func(peer infohash.Hash, raw []byte) error {
		request, err := parseRequest(peer, raw)
		if err == nil {
			requests = append(requests, request)
		}
		return err
	})
	return requests, bad, err
}

func parseRequest(from infohash.Hash, raw []byte) (Request, error) {
	req := Request{From: from}
	var receivedMs int64
	r := msgpack.NewReader(raw)
	for range r.Map() {
		switch string(r.Str()) {
		case keyDevice:
			req.DeviceKey = r.Blob()
		case keyConversation:
			req.ConversationID = readConversation(&r)
		case keyReceived:
			req.Received = readTime(&r, msPerSecond)
		case keyPayload:
			req.Payload = r.Blob()
		case keyReceivedMs:
			receivedMs = readTime(&r, 1)
		case keyInvitedMs:
			req.Invited = readTime(&r, 1)
		default:
			r.Skip()
		}
	}
	if len(req.Payload) > MaxPayload {
		r.Fail(fmt.Errorf("payload of %d bytes is over %d", len(req.Payload), MaxPayload))
	}
	if len(req.DeviceKey) > maxDeviceKey {
		r.Fail(fmt.Errorf("device key of %d bytes is over %d", len(req.DeviceKey), maxDeviceKey))
	}
	if r.Err() != nil {
		return Request{}, r.Err()
	}
	if receivedMs != 0 {
		req.Received = receivedMs
	}
	if len(req.DeviceKey) > 0 {
		req.Device = infohash.Sum(req.DeviceKey)
	}
	req.Digest = Message{From: from, ConversationID: req.ConversationID, Payload: req.Payload, Invited: req.Invited}.Digest()
	return req, nil
}
