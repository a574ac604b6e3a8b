package infohash

import (
	"encoding/json"
	"errors"
	"math/big"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestVectors(t *testing.T) {
	var vectors []struct {
		Input    string
		InfoHash Hash
	}
	b, err := os.ReadFile("testdata/infohash.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &vectors); err != nil || len(vectors) == 0 {
		t.Fatalf("%d vectors, %v", len(vectors), err)
	}
	for _, x := range vectors {
		if got := Sum([]byte(x.Input)); got != x.InfoHash {
			t.Errorf("Sum(%q) = %s, want %s", x.Input, got, x.InfoHash)
		}
		if got := SumString(x.Input); got != x.InfoHash {
			t.Errorf("SumString(%q) = %s", x.Input, got)
		}
		if got := ParseKey(x.Input); got != x.InfoHash {
			t.Errorf("ParseKey(%q) = %s", x.Input, got)
		}
		if got := ParseKey(x.InfoHash.String()); got != x.InfoHash {
			t.Errorf("ParseKey(%q) = %s", x.InfoHash, got)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, s := range []string{"", strings.Repeat("0", 39), strings.Repeat("0", 41), strings.Repeat("g", 40), strings.Repeat("0", 39) + " "} {
		if h, err := Parse(s); !errors.Is(err, ErrBadHex) || !h.IsZero() {
			t.Errorf("Parse(%q) = %s, %v", s, h, err)
		}
	}
	h := Hash{1}
	if err := h.UnmarshalText([]byte("x")); !errors.Is(err, ErrBadHex) || h != (Hash{1}) {
		t.Errorf("UnmarshalText: %s, %v", h, err)
	}
}

func TestFromBytesWantsTheExactLength(t *testing.T) {
	for n := range 2 * Size {
		h, ok := FromBytes(make([]byte, n))
		if ok != (n == Size) || !h.IsZero() {
			t.Errorf("%d bytes: %s, %v", n, h, ok)
		}
	}
}

func genHash() *rapid.Generator[Hash] {
	return rapid.Custom(func(t *rapid.T) Hash {
		return Hash(rapid.SliceOfN(rapid.Byte(), Size, Size).Draw(t, "hash"))
	})
}

func number(h Hash) *big.Int { return new(big.Int).SetBytes(h[:]) }

func TestTextComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := genHash().Draw(t, "h")
		text := h.String()
		if len(text) != 2*Size || strings.ToLower(text) != text || !strings.HasPrefix(text, h.Short()) || len(h.Short()) != 8 {
			t.Fatalf("text %q, short %q", text, h.Short())
		}
		if got, err := Parse(strings.ToUpper(text)); err != nil || got != h {
			t.Fatalf("Parse: %s, %v", got, err)
		}
		var got Hash
		if b, err := h.MarshalText(); err != nil || got.UnmarshalText(b) != nil || got != h {
			t.Fatalf("text form %q: %s, %v", b, got, err)
		}
	})
}

// The order, the distance and the common prefix are those of 160-bit numbers.
func TestArithmetic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, a := genHash().Draw(t, "h"), genHash().Draw(t, "a")
		b := a // close to a, or equal, half of the time
		if rapid.Bool().Draw(t, "close") {
			i := rapid.IntRange(0, Bits-1).Draw(t, "bit")
			b = a.WithBit(i, rapid.Bool().Draw(t, "set"))
		} else {
			b = genHash().Draw(t, "b")
		}
		sign := func(n int) int { return min(1, max(-1, n)) }
		if sign(a.Compare(b)) != number(a).Cmp(number(b)) {
			t.Fatalf("Compare(%s, %s) = %d", a, b, a.Compare(b))
		}
		da, db := new(big.Int).Xor(number(h), number(a)), new(big.Int).Xor(number(h), number(b))
		if number(h.Xor(a)).Cmp(da) != 0 {
			t.Fatalf("Xor(%s, %s) = %s", h, a, h.Xor(a))
		}
		if sign(h.CompareDistance(a, b)) != da.Cmp(db) {
			t.Fatalf("from %s: CompareDistance(%s, %s) = %d", h, a, b, h.CompareDistance(a, b))
		}
		if got := a.CommonBits(b); got != Bits-new(big.Int).Xor(number(a), number(b)).BitLen() {
			t.Fatalf("CommonBits(%s, %s) = %d", a, b, got)
		}
	})
}

func TestBits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, i := genHash().Draw(t, "h"), rapid.IntRange(0, Bits-1).Draw(t, "i")
		if h.Bit(i) != (number(h).Bit(Bits-1-i) == 1) {
			t.Fatalf("bit %d of %s is %v", i, h, h.Bit(i))
		}
		for _, v := range []bool{false, true} {
			set := h.WithBit(i, v)
			if set.Bit(i) != v || set.WithBit(i, h.Bit(i)) != h {
				t.Fatalf("%s with bit %d %v is %s", h, i, v, set)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add("da39a3ee5e6b4b0d3255bfef95601890afd80709")
	f.Add("DA39A3EE5E6B4B0D3255BFEF95601890AFD80709")
	f.Add("hello world")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := Parse(s)
		if key := ParseKey(s); err == nil && key != h || err != nil && key != SumString(s) {
			t.Fatalf("key %s, hash %s", key, h)
		}
		if err == nil && h.String() != strings.ToLower(s) {
			t.Fatalf("%q came back as %s", s, h)
		}
	})
}
