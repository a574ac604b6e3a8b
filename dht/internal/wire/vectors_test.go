package wire

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"rollcall/internal/msgpack"
)

// packet is one datagram of testdata, as OpenDHT nodes sent it.
type packet struct {
	Kind    string
	Version string `json:"from_version"`
	Hex     string
	Decoded json.RawMessage
}

func (p *packet) bytes(tb testing.TB) []byte { return unhex(tb, p.Hex) }

func (p *packet) discovery() bool { return strings.HasPrefix(p.Kind, "discovery") }

func readPackets(tb testing.TB) []packet {
	tb.Helper()
	var all []packet
	readJSON(tb, "packets.json", &all)
	if len(all) != 70 {
		tb.Fatalf("%d packets, want 70", len(all))
	}
	return all
}

func readJSON(tb testing.TB, name string, into any) {
	tb.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		tb.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		tb.Fatal(err)
	}
}

func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// ourAgent replaces the agent of a packet of OpenDHT with ours.
func ourAgent(b []byte) []byte {
	ours := msgpack.AppendString([]byte("\xa1v"), Agent)
	for _, agent := range []string{"\xa1v\xa4RNG1", "\xa1v\xa2o2"} {
		b = bytes.Replace(b, []byte(agent), ours, 1)
	}
	return b
}
