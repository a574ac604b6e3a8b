package signaling

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rollcall/internal/msgpack"
)

// vector reads a file of hexadecimal text.
func vector(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	b, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestVectorsRoundTrip(t *testing.T) {
	tests := []struct {
		file       string
		id         uint64
		answer     bool
		connType   string
		ufrag      string
		candidates int
	}{
		{"pcr-request-from-jamid.hex", 0xab89b3254aa46, false, "text/plain", "476b3d95", 3},
		{"pcr-answer-to-jamid.hex", 0xab89b3254aa46, true, "", "f5cbf892", 2},
		{"pcr-answer-from-jamid.hex", 0x9dd3b1d9bbe70, true, "", "00197d64", 3},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			raw := vector(t, tt.file)
			req, err := ParseRequest(raw)
			if err != nil {
				t.Fatal(err)
			}
			if req.ID != tt.id || req.Answer != tt.answer || req.ConnType != tt.connType {
				t.Errorf("read %+v", req)
			}
			d, err := ParseDescription(req.Description)
			if err != nil {
				t.Fatal(err)
			}
			if d.Ufrag != tt.ufrag || len(d.Candidates) != tt.candidates {
				t.Errorf("read %+v", d)
			}
			if req.Description = d.String(); !bytes.Equal(req.Append(nil), raw) {
				t.Errorf("written anew: %x\nwant %x", req.Append(nil), raw)
			}
		})
	}
}

func TestCandidatesAreWrittenLikePeers(t *testing.T) {
	addr := netip.MustParseAddr("10.83.0.11")
	want := []string{
		"Ha53000b 1 TCP 2130706431 10.83.0.11 37309 typ host tcptype passive",
		"Ha53000b 1 TCP 2130706175 10.83.0.11 9 typ host tcptype active",
		"Sa53000b 1 TCP 1694498303 10.83.0.11 9 typ srflx tcptype active",
	}
	made := []Candidate{
		{Addr: netip.AddrPortFrom(addr, 37309), TCPType: Passive},
		{Addr: netip.AddrPortFrom(addr, ActivePort)},
		{Addr: netip.AddrPortFrom(addr, ActivePort), Type: ServerReflexive},
	}
	for i, c := range made {
		c.Foundation, c.Priority = Foundation(c.Type, addr), Priority(c.Type, i)
		if got := c.String(); got != want[i] {
			t.Errorf("got  %q\nwant %q", got, want[i])
		}
	}
}

func TestParseCandidate(t *testing.T) {
	tests := []struct {
		name, line, want string // want is what String gives; "" for refused
	}{
		{"as peers write it", "H1 1 TCP 5 10.0.0.1 7 typ host tcptype passive", "H1 1 TCP 5 10.0.0.1 7 typ host tcptype passive"},
		{"relay", "R1 1 TCP 5 10.0.0.1 7 typ relay tcptype passive", "R1 1 TCP 5 10.0.0.1 7 typ relay tcptype passive"},
		{"simultaneous", "H1 1 TCP 5 10.0.0.1 7 typ host tcptype so", "H1 1 TCP 5 10.0.0.1 7 typ host tcptype so"},
		{"IPv6", "H1 1 TCP 5 fd00::1 7 typ host tcptype active", "H1 1 TCP 5 fd00::1 7 typ host tcptype active"},
		{"mapped IPv4", "H1 1 TCP 5 ::ffff:10.0.0.1 7 typ host tcptype active", "H1 1 TCP 5 10.0.0.1 7 typ host tcptype active"},
		{"SDP", "a=candidate:1 1 tcp 5 10.0.0.1 7 typ host tcptype passive generation 0", "1 1 TCP 5 10.0.0.1 7 typ host tcptype passive"},
		{"related address", "S1 1 TCP 5 10.0.0.1 7 typ srflx raddr 10.0.0.2 rport 8 tcptype passive", "S1 1 TCP 5 10.0.0.1 7 typ srflx tcptype passive"},
		{"UDP", "H1 1 UDP 5 10.0.0.1 7 typ host", ""},
		{"UDP with tcptype", "H1 1 UDP 5 10.0.0.1 7 typ host tcptype passive", ""},
		{"component 2", "H1 2 TCP 5 10.0.0.1 7 typ host tcptype passive", ""},
		{"name", "H1 1 TCP 5 host.example 7 typ host tcptype passive", ""},
		{"zone", "H1 1 TCP 5 fe80::1%eth0 7 typ host tcptype passive", ""},
		{"port", "H1 1 TCP 5 10.0.0.1 65536 typ host tcptype passive", ""},
		{"priority", "H1 1 TCP -5 10.0.0.1 7 typ host tcptype passive", ""},
		{"type", "H1 1 TCP 5 10.0.0.1 7 typ hosts tcptype passive", ""},
		{"kind", "H1 1 TCP 5 10.0.0.1 7 typ host tcptype none", ""},
		{"no kind", "H1 1 TCP 5 10.0.0.1 7 typ host generation 0", ""},
		{"foundation", strings.Repeat("H", 32) + " 1 TCP 5 10.0.0.1 7 typ host tcptype active", ""},
		{"cut short", "H1 1 TCP 5", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := ParseCandidate(tt.line)
			switch {
			case tt.want == "" && err == nil:
				t.Errorf("taken as %q", c.String())
			case tt.want != "" && err != nil:
				t.Error(err)
			case err == nil && c.String() != tt.want:
				t.Errorf("got %q, want %q", c.String(), tt.want)
			}
		})
	}
}

func TestParseDescription(t *testing.T) {
	const line = "H1 1 TCP 5 10.0.0.1 7 typ host tcptype passive\n"
	tests := []struct {
		name, text string
		candidates int // -1 for refused
	}{
		{"useless and empty lines", "u\npw\n\nnonsense\n" + line + "H1 1 UDP 5 10.0.0.1 7 typ host\n" + line, 2},
		{"CRLF, no last end of line", "u\r\npw\r\n" + strings.TrimSuffix(line, "\n"), 1},
		{"none", "u\npw\n", 0},
		{"many", "u\npw\n" + strings.Repeat(line, 40), MaxCandidates},
		{"many useless lines", "u\npw\n" + strings.Repeat("x\n", maxLines) + line, 0},
		{"no password", "u\n", -1},
		{"empty", "", -1},
		{"colon in the ufrag", "u:v\npw\n", -1},
		{"space in the password", "u\npw pw\n", -1},
		{"long ufrag", strings.Repeat("u", maxCredential+1) + "\npw\n", -1},
		{"too long", "u\npw\n" + strings.Repeat("\n", MaxDescription), -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := ParseDescription(tt.text)
			if (err != nil) != (tt.candidates < 0) {
				t.Fatalf("error %v", err)
			}
			if err == nil && len(d.Candidates) != tt.candidates {
				t.Errorf("%d candidates, want %d", len(d.Candidates), tt.candidates)
			}
		})
	}
}

func TestParseRequestIsTolerant(t *testing.T) {
	b := msgpack.AppendMap(nil, 3)
	b = msgpack.AppendBool(msgpack.AppendString(b, "isAnswer"), true)
	b = msgpack.AppendArray(msgpack.AppendString(b, "extra"), 1)
	b = msgpack.AppendInt(b, -1)
	b = msgpack.AppendUint(msgpack.AppendString(b, "id"), 7)
	if req, err := ParseRequest(b); err != nil || req != (Request{ID: 7, Answer: true}) {
		t.Errorf("got %+v, %v", req, err)
	}
	long := Request{ID: 1, Description: strings.Repeat("x", MaxDescription+1)}
	if _, err := ParseRequest(long.Append(nil)); err == nil {
		t.Error("took a description that is too long")
	}
	if _, err := ParseRequest((&Request{ID: MaxID + 1}).Append(nil)); err == nil {
		t.Error("took an id that is too large")
	}
}

func TestRequestRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		req := Request{
			ID:          rapid.Uint64Range(0, MaxID).Draw(t, "id"),
			Description: rapid.StringN(-1, -1, MaxDescription).Draw(t, "description"),
			Answer:      rapid.Bool().Draw(t, "answer"),
			ConnType:    rapid.StringN(-1, -1, MaxConnType).Draw(t, "type"),
		}
		if got, err := ParseRequest(req.Append(nil)); err != nil || got != req {
			t.Fatalf("got %+v, %v, want %+v", got, err, req)
		}
	})
}

func FuzzRequest(f *testing.F) {
	for _, name := range []string{"pcr-request-from-jamid.hex", "pcr-answer-to-jamid.hex", "pcr-answer-from-jamid.hex"} {
		f.Add(vector(f, name))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		req, err := ParseRequest(b)
		if err != nil {
			return
		}
		if again, err := ParseRequest(req.Append(nil)); err != nil || again != req {
			t.Fatalf("%+v became %+v, %v", req, again, err)
		}
	})
}

func FuzzDescription(f *testing.F) {
	f.Add("476b3d95\n179f90bd1eba7552287e37f61\nHa53000b 1 TCP 2130706431 10.83.0.11 49613 typ host tcptype passive\n")
	f.Add("u\np\na=candidate:1 1 tcp 5 fd00::1 7 typ srflx raddr :: rport 9 tcptype so generation 0\n")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDescription(text)
		if err != nil {
			return
		}
		if again, err := ParseDescription(d.String()); err != nil || !reflect.DeepEqual(again, d) {
			t.Fatalf("%+v became %+v, %v", d, again, err)
		}
	})
}
