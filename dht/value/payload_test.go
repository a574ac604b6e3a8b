package value

import (
	"bytes"
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"rollcall/dht/infohash"
	"rollcall/internal/msgpack"
)

func TestPayloadVectors(t *testing.T) {
	payload := func(name string) []byte {
		_, v := vector(t, name)
		return v.Data
	}
	check := func(name string, got, want any, again []byte, err error) {
		t.Helper()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if again != nil && !bytes.Equal(again, payload(name)) {
			t.Errorf("%s: packed to %x", name, again)
		}
	}
	m, err := ParseMessage(payload("dht_message"))
	check("dht_message", m, Message{Service: "svc", Data: []byte("msg")}, m.Append(nil), err)
	s, err := ParseService(payload("ip_service"))
	check("ip_service", s, Service{netip.MustParseAddrPort("10.1.2.3:4567")}, s.Append(nil), err)
	im, err := ParseIMMessage(payload("im_message_plain"))
	check("im_message_plain", im, IMMessage{ID: 5, Text: "hi there", Date: 1600000000, DataType: "text/plain", Metadata: map[string]string{"k": "v"}}, im.Append(nil), err)
	ice, err := ParseICECandidates(payload("ice_candidates_plain"))
	check("ice_candidates_plain", ice, ICECandidates{ID: 99, Data: []byte("ice blob")}, ice.Append(nil), err)
	tr, err := ParseTrustRequest(payload("trust_request_plain"))
	check("trust_request_plain", tr, TrustRequest{Service: "cx.test", ConversationID: "convid", Payload: []byte("payload")}, nil, err)
	der, err := ParseRevocationList(payload("crl"))
	check("crl", der[:2], []byte{0x30, 0x82}, AppendRevocationList(nil, der), err)
}

func TestTrustRequestKeepsTheOrderOfPeers(t *testing.T) {
	request := TrustRequest{Service: "cx.ring", ConversationID: "c", Payload: []byte("p"), Confirm: true, InvitedMs: 1790000000000}
	packed := request.Append(nil)
	var keys []string
	r := msgpack.NewReader(packed)
	for range r.Map() {
		keys = append(keys, string(r.Str()))
		r.Skip()
	}
	if want := "service conversationId payload confirm invitedMs"; strings.Join(keys, " ") != want || r.Err() != nil {
		t.Errorf("keys %v, %v", keys, r.Err())
	}
	got, err := ParseTrustRequest(packed)
	if err != nil || !reflect.DeepEqual(got, request) {
		t.Errorf("got %+v, %v", got, err)
	}
	reordered := mapOf(str("x"), list(), str("confirm"), []byte{0xc3}, str("service"), str("s"))
	if got, err := ParseTrustRequest(reordered); err != nil || !got.Confirm || got.Service != "s" {
		t.Errorf("other order: %+v, %v", got, err)
	}
}

func TestDeviceAnnouncement(t *testing.T) {
	v := mustParse(t, readFile(t, "dht-announcement.value"))
	d, err := ParseDeviceAnnouncement(v.Data)
	if err != nil || d.Device.String() != "427b2ebf239a9b010a49de2c9afe741c4889e15c" || len(d.PublicKey) != 550 {
		t.Fatalf("device %s, key of %d bytes, %v", d.Device, len(d.PublicKey), err)
	}
	if !bytes.Equal(d.Append(nil), v.Data) {
		t.Error("the announcement packs to other bytes")
	}
	old := DeviceAnnouncement{Device: infohash.Hash{1}}
	if got, err := ParseDeviceAnnouncement(old.Append(nil)); err != nil || !reflect.DeepEqual(got, old) {
		t.Errorf("without key: %+v, %v", got, err)
	}
	for name, in := range map[string][]byte{
		"no device":      mapOf(str("pk"), bin(d.PublicKey)),
		"zero device":    DeviceAnnouncement{}.Append(nil),
		"short device":   mapOf(str("dev"), bin([]byte("short"))),
		"another's key":  DeviceAnnouncement{Device: infohash.Hash{1}, PublicKey: d.PublicKey}.Append(nil),
		"a list instead": list(),
	} {
		if got, err := ParseDeviceAnnouncement(in); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestServiceForms(t *testing.T) {
	six := Service{netip.MustParseAddrPort("[2001:db8::7]:80")}
	packed := six.Append(nil)
	if len(packed) != 2+sizeIPv6 || packed[2] != familyIPv6 || packed[3] != 0 {
		t.Errorf("packed %x", packed)
	}
	if got, err := ParseService(packed); err != nil || got != six {
		t.Errorf("%v, %v", got, err)
	}
	for name, in := range map[string][]byte{
		"nothing":           nil,
		"empty":             bin(nil),
		"IPv4 of 28 bytes":  bin(append([]byte{familyIPv4, 0}, make([]byte, 26)...)),
		"IPv6 of 16 bytes":  bin(append([]byte{familyIPv6, 0}, make([]byte, 14)...)),
		"big-endian family": bin(append([]byte{0, familyIPv4}, make([]byte, 14)...)),
	} {
		if got, err := ParseService(in); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestPayloadsRefuse(t *testing.T) {
	many := msgpack.AppendMap(nil, maxMetadata+1)
	for range maxMetadata + 1 {
		many = append(many, 0xa0, 0xa0)
	}
	if _, err := ParseIMMessage(mapOf(str("metadatas"), many)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("metadata: %v", err)
	}
	if _, err := ParseMessage(list(str("service"))); !errors.Is(err, ErrMalformed) {
		t.Errorf("message without data: %v", err)
	}
	if _, err := ParseICECandidates(list([]byte{1})); !errors.Is(err, ErrMalformed) {
		t.Errorf("candidates without data: %v", err)
	}
	if _, err := ParseRevocationList(bin([]byte("PEM"))); !errors.Is(err, ErrMalformed) {
		t.Errorf("revocation list: %v", err)
	}
	if _, err := ParseTrustRequest(mapOf(str("confirm"), str("yes"))); !errors.Is(err, ErrMalformed) {
		t.Errorf("trust request: %v", err)
	}
}

// FuzzPayloads holds every payload reader to: no panic, and what was read packs
// to something that reads the same.
func FuzzPayloads(f *testing.F) {
	for _, x := range valueVectors(f) {
		f.Add([]byte(x.Data))
		f.Add([]byte(x.InnerData))
	}
	f.Add(mustParse(f, readFile(f, "dht-announcement.value")).Data)
	f.Fuzz(func(t *testing.T, b []byte) {
		comesBack(t, b, ParseMessage)
		comesBack(t, b, ParseService)
		comesBack(t, b, ParseTrustRequest)
		comesBack(t, b, ParseIMMessage)
		comesBack(t, b, ParseICECandidates)
		comesBack(t, b, ParseDeviceAnnouncement)
		if der, err := ParseRevocationList(b); err == nil {
			if again, err := ParseRevocationList(AppendRevocationList(nil, der)); err != nil || !bytes.Equal(again, der) {
				t.Fatalf("revocation list: %v", err)
			}
		}
	})
}

func comesBack[P interface{ Append([]byte) []byte }](t *testing.T, b []byte, parse func([]byte) (P, error)) {
	t.Helper()
	p, err := parse(b)
	if err != nil {
		return
	}
	packed := p.Append(nil)
	again, err := parse(packed)
	if err != nil || !bytes.Equal(again.Append(nil), packed) {
		t.Fatalf("%+v came back as %+v: %v", p, again, err)
	}
}
