package value

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"rollcall/dht/infohash"
)

func TestLife(t *testing.T) {
	var types Types
	if err := types.Register(Type{ID: 100, Name: "application", Life: time.Hour}); err != nil {
		t.Fatal(err)
	}
	want := map[TypeID]time.Duration{
		TypeUserData: 10 * time.Minute, TypeMessage: 5 * time.Minute, TypeService: 15 * time.Minute,
		TypeIM: 5 * time.Minute, TypeTrustRequest: 7 * 24 * time.Hour, TypeICE: time.Minute,
		TypeCertificate: 7 * 24 * time.Hour, 6: 10 * time.Minute, 65535: 10 * time.Minute, 100: time.Hour,
	}
	for id, life := range want {
		if got := types.Life(id); got != life {
			t.Errorf("type %d lives %v, want %v", id, got, life)
		}
	}
}

func TestRegisterRefuses(t *testing.T) {
	var types Types
	if err := types.Register(Type{ID: 100, Life: time.Hour}); err != nil {
		t.Fatal(err)
	}
	for _, typ := range []Type{{ID: TypeICE, Life: time.Hour}, {ID: 100, Life: time.Hour}, {ID: 101}, {ID: 102, Life: -1}} {
		if err := types.Register(typ); err == nil {
			t.Errorf("registered %+v", typ)
		}
	}
	var other Types
	if _, ok := other.Lookup(100); ok {
		t.Error("the type appears in another set")
	}
}

var (
	testKey  = infohash.SumString("key")
	testFrom = netip.MustParseAddr("10.1.2.3")
)

// signedAs returns a value with an owner; its signature is not valid.
func signedAs(owner byte, typ TypeID, seq uint16, data string) *Value {
	return &Value{ID: 1, Type: typ, Owner: smallKey(owner), Seq: seq, Data: []byte(data), Signature: []byte(data)}
}

func TestJudgeNewValues(t *testing.T) {
	ids := identityVectors(t)
	_, certificate := vector(t, "certificate_alice")
	big := make([]byte, MaxDataSize+1)
	message := Message{Service: "im", Data: []byte("hi")}.Append(nil)
	port := func(p uint16) []byte { return Service{netip.AddrPortFrom(testFrom, p)}.Append(nil) }
	tests := []struct {
		name   string
		key    infohash.Hash
		v      *Value
		action Action
		verify bool
	}{
		{"plain", testKey, &Value{ID: 1, Data: []byte("d")}, Store, false},
		{"plain, too large", testKey, &Value{ID: 1, Data: big}, Ignore, false},
		{"plain, largest", testKey, &Value{ID: 1, Data: big[1:]}, Store, false},
		{"signed", testKey, signedAs(1, TypeUserData, 0, "d"), Store, true},
		{"encrypted", testKey, &Value{ID: 1, Cypher: []byte("c")}, Store, false},
		{"encrypted, too large", testKey, &Value{ID: 1, Cypher: big}, Ignore, false},
		{"message", testKey, &Value{ID: 1, Type: TypeMessage, Data: message}, Store, false},
		{"message without service", testKey, &Value{ID: 1, Type: TypeMessage, Data: Message{}.Append(nil)}, Ignore, false},
		{"message of other bytes", testKey, &Value{ID: 1, Type: TypeMessage, Data: []byte("x")}, Ignore, false},
		{"signed message: the signature is enough", testKey, signedAs(1, TypeMessage, 0, "x"), Store, true},
		{"service", testKey, &Value{ID: 1, Type: TypeService, Data: port(80)}, Store, false},
		{"service without port", testKey, &Value{ID: 1, Type: TypeService, Data: port(0)}, Ignore, false},
		{"service of other bytes", testKey, &Value{ID: 1, Type: TypeService, Data: []byte("x")}, Ignore, false},
		{"certificate at the key id", ids["alice"].Key2, certificate, Store, false},
		{"certificate at the hash of the long id", ids["alice"].Key4, certificate, Store, false},
		{"certificate elsewhere", ids["bob"].Key2, certificate, Ignore, false},
		{"certificate of other bytes", ids["alice"].Key2, &Value{ID: 1, Type: TypeCertificate, Data: []byte("x")}, Ignore, false},
		{"unregistered", testKey, &Value{ID: 1, Type: 77, Data: []byte("d")}, Store, false},
		{"unregistered, signed", testKey, signedAs(1, 77, 0, "d"), Store, false},
		{"unregistered, too large", testKey, &Value{ID: 1, Type: 77, Data: big}, Ignore, false},
	}
	var types Types
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := types.Judge(tt.key, nil, tt.v, testFrom)
			if got.Action != tt.action || got.Verify != tt.verify {
				t.Errorf("got action %d, verify %v", got.Action, got.Verify)
			}
			if (got.Value != nil) != (tt.action == Store) {
				t.Errorf("value %+v", got.Value)
			}
		})
	}
}

func TestJudgeEdits(t *testing.T) {
	ids := identityVectors(t)
	chain := func(name string) *Value {
		return &Value{ID: 1, Type: TypeCertificate, Data: []byte(ids[name].Chain)}
	}
	wrapped := &Value{ID: 1, Type: TypeCertificate, Data: bin([]byte(ids["alice"].Chain))}
	otherRecipient := signedAs(1, 0, 5, "old")
	otherRecipient.Recipient, otherRecipient.Signature = infohash.Hash{1}, []byte("other")
	resigned := signedAs(1, 0, 5, "old")
	resigned.Signature = []byte("other")
	repeated := signedAs(1, 0, 9, "old")
	tests := []struct {
		name             string
		stored, incoming *Value
		action           Action
		verify           bool
	}{
		{"the same plain value", &Value{ID: 1, Data: []byte("d")}, &Value{ID: 1, Data: []byte("d")}, Refresh, false},
		{"plain over plain", &Value{ID: 1, Data: []byte("d")}, &Value{ID: 1, Data: []byte("e")}, Ignore, false},
		{"signed over plain", &Value{ID: 1, Data: []byte("d")}, signedAs(1, 0, 5, "e"), Ignore, false},
		{"the same cypher", &Value{ID: 1, Cypher: []byte("c")}, &Value{ID: 1, Cypher: []byte("c")}, Refresh, false},
		{"another cypher", &Value{ID: 1, Cypher: []byte("c")}, &Value{ID: 1, Cypher: []byte("d")}, Ignore, false},
		{"cypher over signed", signedAs(1, 0, 5, "old"), &Value{ID: 1, Cypher: []byte("d")}, Ignore, false},
		{"plain over signed", signedAs(1, 0, 5, "old"), &Value{ID: 1, Data: []byte("e")}, Ignore, false},
		{"the same signed value", signedAs(1, 0, 5, "old"), signedAs(1, 0, 5, "old"), Refresh, false},
		{"only seq is higher", signedAs(1, 0, 5, "old"), repeated, Refresh, false},
		{"higher seq", signedAs(1, 0, 5, "old"), signedAs(1, 0, 6, "new"), Store, true},
		{"equal seq", signedAs(1, 0, 5, "old"), signedAs(1, 0, 5, "new"), Ignore, false},
		{"equal seq, other recipient", signedAs(1, 0, 5, "old"), otherRecipient, Ignore, false},
		{"equal seq and body", signedAs(1, 0, 5, "old"), resigned, Store, true},
		{"lower seq", signedAs(1, 0, 5, "old"), signedAs(1, 0, 4, "new"), Ignore, false},
		{"another owner", signedAs(1, 0, 5, "old"), signedAs(2, 0, 6, "new"), Ignore, false},
		{"unregistered type", signedAs(1, 77, 5, "old"), signedAs(1, 77, 6, "new"), Ignore, false},
		{"certificate of the same key", wrapped, chain("alice"), Store, false},
		{"certificate of another key", chain("alice"), chain("bob"), Ignore, false},
		{"other type over a certificate", chain("alice"), signedAs(1, 0, 6, "new"), Ignore, false},
	}
	var types Types
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := types.Judge(testKey, tt.stored, tt.incoming, testFrom)
			if got.Action != tt.action || got.Verify != tt.verify {
				t.Errorf("got action %d, verify %v", got.Action, got.Verify)
			}
			if got.Action == Store && got.Value != tt.incoming {
				t.Errorf("value %+v", got.Value)
			}
		})
	}
}

func TestJudgeReplacesAnnouncedAddress(t *testing.T) {
	var types Types
	announced := &Value{ID: 3, Type: TypeService, Data: Service{netip.MustParseAddrPort("0.0.0.0:4567")}.Append(nil)}
	before := bytes.Clone(announced.Data)
	for from, want := range map[string]string{
		"10.1.2.3":        "10.1.2.3:4567",
		"::ffff:10.1.2.3": "10.1.2.3:4567",
		"2001:db8::1":     "[2001:db8::1]:4567",
	} {
		sender := netip.MustParseAddr(from)
		first := types.Judge(testKey, nil, announced, sender)
		if first.Action != Store {
			t.Fatalf("%s: action %d", from, first.Action)
		}
		s, err := ParseService(first.Value.Data)
		if err != nil || s.Addr != netip.MustParseAddrPort(want) || first.Value.ID != 3 {
			t.Errorf("%s: stored %v, %v", from, s.Addr, err)
		}
		if again := types.Judge(testKey, first.Value, announced, sender); again.Action != Refresh {
			t.Errorf("%s: put again: action %d", from, again.Action)
		}
	}
	if own := types.Judge(testKey, nil, announced, netip.Addr{}); own.Action != Store || !bytes.Equal(own.Value.Data, before) {
		t.Errorf("own put: %+v", own)
	}
	if !bytes.Equal(announced.Data, before) {
		t.Error("the incoming value was changed")
	}
}

func TestJudgeDoesNotAllocateForSignedValues(t *testing.T) {
	var types Types
	stored, edit, other := signedAs(1, 0, 5, "old"), signedAs(1, 0, 6, "new"), signedAs(2, 0, 6, "new")
	if n := testing.AllocsPerRun(100, func() {
		types.Judge(testKey, nil, edit, testFrom)
		types.Judge(testKey, stored, edit, testFrom)
		types.Judge(testKey, stored, stored, testFrom)
		types.Judge(testKey, stored, other, testFrom)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
