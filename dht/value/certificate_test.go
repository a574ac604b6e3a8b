package value

import (
	"bytes"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
)

// chainOf returns the certificates of an identity of the vectors, in DER.
func chainOf(tb testing.TB, name string) [][]byte {
	tb.Helper()
	var chain [][]byte
	for rest := []byte(identityVectors(tb)[name].Chain); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return chain
		}
		chain = append(chain, block.Bytes)
	}
}

func TestCertificatesGiveTheirKeys(t *testing.T) {
	// The serial numbers of carol4096 and dave_ec are negative.
	for name, id := range identityVectors(t) {
		c, err := ParseCertificate(chainOf(t, name)[0])
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !bytes.Equal(c.SPKI, id.SPKI) || c.KeyID() != id.ID || c.LongID().String() != id.LongID {
			t.Errorf("%s: key id %s", name, c.KeyID())
		}
	}
}

func TestChainVectors(t *testing.T) {
	_, v := vector(t, "certificate_alice")
	chain, err := ParseChain(v.Data)
	ids := identityVectors(t)
	if err != nil || len(chain) != 2 || chain[0].KeyID() != ids["alice"].ID || chain[1].KeyID() != ids["ca"].ID {
		t.Fatalf("%d certificates, %v", len(chain), err)
	}
	if got := AppendChain(nil, [][]byte{chain[0].Raw, chain[1].Raw}); !bytes.Equal(got, v.Data) {
		t.Error("the chain packs to other bytes")
	}
	daemon := mustParse(t, readFile(t, "dht-certificate.value"))
	chain, err = ParseChain(daemon.Data)
	if err != nil || len(chain) != 3 || chain[0].KeyID().String() != "427b2ebf239a9b010a49de2c9afe741c4889e15c" {
		t.Errorf("chain of a daemon: %d certificates, %v", len(chain), err)
	}
}

func TestChainInEveryForm(t *testing.T) {
	ids := identityVectors(t)
	text, der := []byte(ids["alice"].Chain), chainOf(t, "alice")
	forms := map[string][]byte{
		"bin of PEM":            bin(text),
		"bin of DER":            bin(bytes.Join(der, nil)),
		"bare PEM":              text,
		"bare DER":              bytes.Join(der, nil),
		"PEM after other text":  append([]byte("subject=alice\n"), text...),
		"PEM with text between": []byte(strings.ReplaceAll(string(text), "-----BEGIN", "comment\n-----BEGIN")),
		"bin cut short":         bin(append(bytes.Clone(text), '\n'))[:len(text)+3],
		"PEM with CRLF":         []byte(strings.ReplaceAll(string(text), "\n", "\r\n")),
	}
	for name, data := range forms {
		chain, err := ParseChain(data)
		if err != nil || len(chain) != 2 || chain[0].KeyID() != ids["alice"].ID || chain[1].KeyID() != ids["ca"].ID {
			t.Errorf("%s: %d certificates, %v", name, len(chain), err)
			continue
		}
		if leaf, err := ParseLeaf(data); err != nil || leaf.KeyID() != ids["alice"].ID {
			t.Errorf("%s: leaf %v", name, err)
		}
	}
}

func TestChainRefuses(t *testing.T) {
	ca := chainOf(t, "ca")[0]
	text := identityVectors(t)["ca"].Chain
	five := AppendChain(nil, [][]byte{ca, ca, ca, ca, ca})
	// A certificate of 16 KiB and one byte, whose subject is filled up.
	large := bytes.Clone(ca)
	large = append(large, make([]byte, MaxCertificateSize+1-len(large))...)
	large[2], large[3] = byte((len(large)-4)>>8), byte(len(large)-4)
	tests := []struct {
		name string
		in   []byte
		want error
	}{
		{"nothing", nil, ErrMalformed},
		{"empty bin", bin(nil), ErrMalformed},
		{"other bytes", []byte("certificate"), ErrMalformed},
		{"key instead", identityVectors(t)["ca"].SPKI, ErrMalformed},
		{"five certificates", five, ErrTooLarge},
		{"five certificates in DER", bytes.Repeat(ca, 5), ErrTooLarge},
		{"too large", large, ErrTooLarge},
		{"too large in PEM", AppendChain(nil, [][]byte{large}), ErrTooLarge},
		{"endless PEM", []byte(pemBegin + strings.Repeat("\nAAAA", 20000)), ErrMalformed},
		{"long PEM", []byte(pemBegin + strings.Repeat("\nAAAA", 20000) + "\n-----END CERTIFICATE-----\n"), ErrTooLarge},
		{"cut short", ca[:len(ca)-1], ErrMalformed},
		{"DER and more", append(bytes.Clone(ca), 0), ErrMalformed},
		{"broken PEM", []byte(strings.Replace(text, "MII", "M!I", 1)), ErrMalformed},
	}
	for _, tt := range tests {
		if chain, err := ParseChain(tt.in); !errors.Is(err, tt.want) || chain != nil {
			t.Errorf("%s: %d certificates, %v", tt.name, len(chain), err)
		}
	}
	if _, err := ParseCertificate(append(bytes.Clone(ca), 0)); !errors.Is(err, ErrMalformed) {
		t.Errorf("bytes after a certificate: %v", err)
	}
}

func FuzzParseChain(f *testing.F) {
	for name, id := range identityVectors(f) {
		f.Add([]byte(id.Chain))
		f.Add(AppendChain(nil, chainOf(f, name)))
		f.Add(chainOf(f, name)[0])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		chain, err := ParseChain(b)
		if err != nil {
			return
		}
		var raw [][]byte
		for _, c := range chain {
			raw = append(raw, c.Raw)
		}
		again, err := ParseChain(AppendChain(nil, raw))
		if err != nil || len(again) != len(chain) {
			t.Fatalf("%d certificates came back as %d: %v", len(chain), len(again), err)
		}
		leaf, err := ParseLeaf(b)
		if err != nil || !bytes.Equal(leaf.Raw, chain[0].Raw) {
			t.Fatalf("another leaf: %v", err)
		}
	})
}
