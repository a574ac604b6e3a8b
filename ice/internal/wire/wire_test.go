package wire

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollcall/ice/signaling"
)

// frames returns the frames of testdata/stun-frames.txt.
func frames(t testing.TB) [][]byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "stun-frames.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var list [][]byte
	for line := range strings.Lines(string(text)) {
		if b, err := hex.DecodeString(strings.TrimSpace(line)); err == nil && len(b) > 0 {
			list = append(list, b)
		}
	}
	if len(list) != 8 {
		t.Fatalf("%d frames, want 8", len(list))
	}
	return list
}

// password returns the password within a recorded request.
func password(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	b, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	req, err := signaling.ParseRequest(b)
	if err != nil {
		t.Fatal(err)
	}
	d, err := signaling.ParseDescription(req.Description)
	if err != nil {
		t.Fatal(err)
	}
	return d.Password
}

const (
	jamid = "pcr-request-from-jamid.hex"
	ours  = "pcr-answer-to-jamid.hex"
)

func TestVectors(t *testing.T) {
	const tie, jamidTie = 0x887237fa37f65d62, 0x7ad01fc145946403
	check := Request{Username: "476b3d95:f5cbf892", Priority: 1862270975, Controlling: true, TieBreaker: tie}
	nominate := check
	nominate.Nominate = true
	theirs := Request{Username: "f5cbf892:476b3d95", Priority: 1862270975, TieBreaker: jamidTie}
	us, them := netip.MustParseAddrPort("10.83.0.12:42166"), netip.MustParseAddrPort("10.83.0.11:49613")
	tests := []struct {
		kind      Kind
		request   Request
		mapped    netip.AddrPort
		key       string
		writtenBy bool // by us: must come out the same
	}{
		{KindRequest, check, netip.AddrPort{}, jamid, true},
		{KindSuccess, Request{}, us, jamid, false},
		{KindRequest, nominate, netip.AddrPort{}, jamid, true},
		{KindSuccess, Request{}, us, jamid, false},
		{KindRequest, theirs, netip.AddrPort{}, ours, false},
		{KindSuccess, Request{}, them, ours, true},
		{KindRequest, theirs, netip.AddrPort{}, ours, false},
		{KindSuccess, Request{}, them, ours, true},
	}
	for i, frame := range frames(t) {
		tt := tests[i]
		body := frame[HeaderSize:]
		if FrameSize(frame) != len(body) || !IsCheck(body, len(body)) {
			t.Errorf("frame %d: not seen as a check", i)
		}
		m, err := ParseMessage(body)
		if err != nil {
			t.Errorf("frame %d: %v", i, err)
			continue
		}
		mapped, _ := m.Mapped()
		if m.Kind != tt.kind || m.Request != tt.request || mapped != tt.mapped {
			t.Errorf("frame %d: read %v %+v %v", i, m.Kind, m.Request, mapped)
		}
		key := password(t, tt.key)
		if !m.Verify(key) || m.Verify(key+"x") {
			t.Errorf("frame %d: signature", i)
		}
		if !tt.writtenBy {
			continue
		}
		again := AppendSuccess(nil, m.ID, tt.mapped, key)
		if tt.kind == KindRequest {
			again = AppendRequest(nil, m.ID, &tt.request, key)
		}
		if !bytes.Equal(again, frame) {
			t.Errorf("frame %d: written anew\n%x\nwant\n%x", i, again, frame)
		}
	}
}

func TestOtherMessagesRoundTrip(t *testing.T) {
	id := TransactionID{1, 2, 3}
	m, err := ParseMessage(AppendRoleConflict(nil, id, "pw")[HeaderSize:])
	if err != nil || m.Kind != KindError || m.Code != CodeRoleConflict || m.ID != id || !m.Verify("pw") {
		t.Errorf("role conflict: %+v, %v", m, err)
	}
	keepalive := AppendKeepalive(nil, id)
	m, err = ParseMessage(keepalive[HeaderSize:])
	if err != nil || m.Kind != KindIndication || m.ID != id {
		t.Errorf("keepalive: %+v, %v", m, err)
	}
	if want := "0014001100002112a442010203000000000000000000"; hex.EncodeToString(keepalive) != want {
		t.Errorf("keepalive %x, want %s", keepalive, want)
	}
	six := netip.MustParseAddrPort("[fd00::1]:7")
	m, err = ParseMessage(AppendSuccess(nil, id, six, "pw")[HeaderSize:])
	if err != nil || !m.Verify("pw") {
		t.Fatalf("success over IPv6: %v", err)
	}
	if mapped, ok := m.Mapped(); !ok || mapped != six {
		t.Errorf("mapped %v, want %v", mapped, six)
	}
}

func TestTheStreamIsNotTakenForChecks(t *testing.T) {
	check := frames(t)[0][HeaderSize:]
	hello := append([]byte{0x16, 0x03, 0x01}, make([]byte, 400)...)
	tests := []struct {
		name  string
		start []byte
		size  int
	}{
		{"TLS", hello, len(hello)},
		{"longer than its message", check, len(check) + 4},
		{"too long", check, MaxCheck + 1},
		{"short", check[:MinCheck-1], MinCheck - 1},
		{"empty", nil, 0},
	}
	for _, tt := range tests {
		if IsCheck(tt.start, tt.size) {
			t.Errorf("%s: taken for a check", tt.name)
		}
	}
}

// What is not signed does not count: USE-CANDIDATE behind the signature.
func TestUnsignedAttributesDoNotCount(t *testing.T) {
	frame := AppendRequest(nil, TransactionID{}, &Request{Username: "a:b"}, "pw")
	body := append(frame[HeaderSize:], 0, 0x25, 0, 0)
	body[3] += 4
	m, err := ParseMessage(body)
	if err != nil {
		t.Fatal(err)
	}
	if m.Request.Nominate {
		t.Error("took USE-CANDIDATE from behind the signature")
	}
}

func FuzzMessage(f *testing.F) {
	for _, frame := range frames(f) {
		f.Add(frame[HeaderSize:])
	}
	f.Add(AppendRoleConflict(nil, TransactionID{}, "pw")[HeaderSize:])
	f.Add(AppendKeepalive(nil, TransactionID{})[HeaderSize:])
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseMessage(b)
		if err != nil {
			return
		}
		if m.Verify("nobody's password") {
			t.Error("signed with a password that nobody has")
		}
		m.Mapped()
		if m.Kind != KindRequest {
			return
		}
		again, err := ParseMessage(AppendRequest(nil, m.ID, &m.Request, "pw")[HeaderSize:])
		if err != nil || again.Request != m.Request || !again.Verify("pw") {
			t.Errorf("%+v became %+v, %v", m.Request, again, err)
		}
	})
}
