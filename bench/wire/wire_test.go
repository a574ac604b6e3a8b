package wire

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha512"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"rollcall/internal/msgpack"
)

type packet struct {
	Kind    string          `json:"kind"`
	Hex     string          `json:"hex"`
	Decoded json.RawMessage `json:"decoded"`
}

func packets(t testing.TB) []packet {
	t.Helper()
	raw, err := os.ReadFile("testdata/packets.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []packet
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The kinds of the captured packets, by the start of their names.
var kindOf = []struct {
	prefix string
	kind   Kind
}{{"error", Error}, {"r:", Reply}, {"part", Part}, {"u", Push}, {"q:", Query}, {"discovery", Other}}

func TestScanCapturedPackets(t *testing.T) {
	for _, p := range packets(t) {
		var want Kind
		for _, k := range kindOf {
			if strings.HasPrefix(p.Kind, k.prefix) {
				want = k.kind
				break
			}
		}
		var top struct {
			T uint32 `json:"t"`
		}
		_ = json.Unmarshal(p.Decoded, &top) // discovery packets are no maps
		if kind, tid := Scan(unhex(t, p.Hex)); kind != want || tid != top.T && kind != Other {
			t.Errorf("%s: kind %d, transaction %d; want %d, %d", p.Kind, kind, tid, want, top.T)
		}
	}
}

func TestParseCapturedPackets(t *testing.T) {
	seen := make(map[string]bool)
	for _, p := range packets(t) {
		m, ok := Parse(unhex(t, p.Hex))
		if !ok {
			if !strings.HasPrefix(p.Kind, "discovery") {
				t.Errorf("%s: not parsed", p.Kind)
			}
			continue
		}
		fields := strings.Split(p.Kind, " ")[0]
		seen[fields] = true
		switch fields {
		case "error":
			if !strings.HasSuffix(p.Kind, " "+strconv.Itoa(m.Code)) {
				t.Errorf("%s: code %d", p.Kind, m.Code)
			}
		case "r:id+sa+n4+token", "r:id+sa+n4+token+values", "r:id+sa+n4+token+fileds":
			if m.Nodes == 0 || len(m.Token) != 32 || m.Sender == (ID{}) {
				t.Errorf("%s: nodes %d, token of %d bytes, sender %x", p.Kind, m.Nodes, len(m.Token), m.Sender)
			}
		case "q:update:ve+values":
			if m.Method != "update" || m.Values+len(m.Sizes) == 0 || m.Key == (ID{}) || m.Socket == 0 {
				t.Errorf("%s: %+v", p.Kind, m)
			}
		}
	}
	for _, want := range []string{"error", "r:id+sa+n4+token+values", "q:update:ve+values"} {
		if !seen[want] {
			t.Errorf("no captured packet of kind %s", want)
		}
	}
}

func TestTemplates(t *testing.T) {
	fields := &Fields{TID: 7, Key: ID{1, 2, 3}, ValueID: 9, Socket: 11, Node: ID{4, 5, 6}}
	token := bytes.Repeat([]byte{8}, 32)
	for method, template := range map[string]*Template{
		"ping": Ping(), "find": Find(), "get": Get(), "refresh": Refresh(token), "listen": Listen(token),
	} {
		m, ok := Parse(template.Append([]byte{}, fields))
		if !ok || m.Kind != Query || m.Method != method || m.TID != 7|WideTID || m.Sender != fields.Node {
			t.Errorf("%s: %+v, %v", method, m, ok)
		}
		if method != "ping" && m.Key != fields.Key {
			t.Errorf("%s: key %x", method, m.Key)
		}
		if method == "listen" && m.Socket != 11|WideTID {
			t.Errorf("listen: socket %d", m.Socket)
		}
	}
	if got, want := FindAsClient().Append(nil, fields), 1+Find().Size()-1+2+1; len(got) != want || got[0] != 0x86 {
		t.Errorf("find as client: %x", got)
	}
}

// The layout of opendht spec 11.2, byte for byte.
func TestPingBytes(t *testing.T) {
	got := Ping().Append(nil, &Fields{TID: 0x09aa79c9, Node: ID(bytes.Repeat([]byte{0xab}, IDSize))})
	want := "85a16181a26964c414" + strings.Repeat("ab", IDSize) + "a171a470696e67a174ce49aa79c9a179a171a176a4524e4731"
	if hex.EncodeToString(got) != want {
		t.Errorf("got  %x\nwant %s", got, want)
	}
}

// The sizes are those of the example in opendht spec 11.2.
func TestPutInParts(t *testing.T) {
	data := bytes.Repeat([]byte("x"), 5000)
	put := NewPut(make([]byte, 32), Plain(data), 1_700_000_000)
	f := &Fields{TID: 5, Key: ID{1}, ValueID: 77}
	header, _ := Parse(put.Append(nil, 0, f))
	packed := len(Plain(data))
	if len(header.Sizes) != 1 || header.Sizes[0] != packed || header.Datagrams() != put.Datagrams() {
		t.Fatalf("header %+v for %d bytes in %d datagrams", header, packed, put.Datagrams())
	}
	var joined []byte
	for i := 1; i < put.Datagrams(); i++ {
		datagram := put.Append(nil, i, f)
		if kind, tid := Scan(datagram); kind != Part || tid != 5|WideTID {
			t.Errorf("part %d: kind %d, transaction %x", i, kind, tid)
		}
		offset, slice := readPart(datagram)
		if offset != len(joined) {
			t.Errorf("part %d starts at %d, want %d", i, offset, len(joined))
		}
		joined = append(joined, slice...)
	}
	if len(joined) != packed || binary.BigEndian.Uint64(joined[valueIDOffset:]) != 77|WideVID {
		t.Errorf("parts join to %d bytes with id %x", len(joined), joined[valueIDOffset:valueIDOffset+8])
	}
}

func readPart(p []byte) (offset int, data []byte) {
	r := msgpack.NewReader(p)
	for n := r.Map(); n > 0; n-- {
		if string(r.Str()) != "p" {
			r.Skip()
			continue
		}
		r.Map()
		r.Uint()
		r.Map()
		r.Str()
		offset = int(r.Uint())
		r.Str()
		data = r.Bin()
	}
	return offset, data
}

func TestSignedValue(t *testing.T) {
	s, err := NewSigner(2048)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := s.Value([]byte("here"))
	if err != nil {
		t.Fatal(err)
	}
	r := msgpack.NewReader(packed)
	r.Map()
	r.Str()
	r.Uint()
	r.Str()
	r.Map()
	r.Str()
	body := r.Raw()
	r.Str()
	sig := r.Bin()
	if r.Err() != nil || len(r.Rest()) != 0 {
		t.Fatalf("layout: %v, %d bytes left", r.Err(), len(r.Rest()))
	}
	key, err := x509.ParsePKIXPublicKey(s.owner)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha512.Sum512(body)
	if err := rsa.VerifyPKCS1v15(key.(*rsa.PublicKey), crypto.SHA512, digest[:], sig); err != nil {
		t.Error(err)
	}
}

func TestAnswer(t *testing.T) {
	for _, method := range []string{"ping", "find"} {
		b := AppendAnswer(nil, &Message{Method: method, TID: 3}, ID{9}, make([]byte, 52))
		m, ok := Parse(b)
		if !ok || m.Kind != Reply || m.TID != 3 || m.Sender != (ID{9}) {
			t.Errorf("%s: %+v", method, m)
		}
		if find := method == "find"; (len(m.Token) > 0) != find || (m.Nodes == 2) != find {
			t.Errorf("%s: token of %d bytes, %d nodes", method, len(m.Token), m.Nodes)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, p := range packets(f) {
		f.Add(unhex(f, p.Hex))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		m, ok := Parse(p)
		if kind, tid := Scan(p); ok && (kind != m.Kind || tid != m.TID) {
			t.Errorf("scan found %d, %d and parse %d, %d", kind, tid, m.Kind, m.TID)
		}
	})
}

func TestScanDoesNotAllocate(t *testing.T) {
	p := Find().Append(nil, &Fields{})
	if n := testing.AllocsPerRun(100, func() { Scan(p) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
