package value

import (
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// genNumber draws numbers of up to size bytes, many of them with long runs of
// equal bits, where carries go far.
func genNumber(size int) *rapid.Generator[*big.Int] {
	return rapid.Custom(func(t *rapid.T) *big.Int {
		b := rapid.SliceOfN(rapid.Byte(), 0, size).Draw(t, "bytes")
		if rapid.Bool().Draw(t, "runs") {
			for i := range b {
				b[i] = byte(int8(b[i]) >> 7)
			}
		}
		return new(big.Int).SetBytes(b)
	})
}

func TestModulusAgreesWithBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := genNumber(150).Draw(t, "n")
		n.SetBit(n, 0, 1)
		n.SetBit(n, rapid.IntRange(2, 1200).Draw(t, "top bit"), 1)
		e := rapid.UintRange(1, 1<<20).Draw(t, "e/2")*2 + 1
		m := newModulus(n)
		xs := []*big.Int{genNumber(160).Draw(t, "x"), big.NewInt(0), big.NewInt(1), new(big.Int).Sub(n, big.NewInt(1))}
		for _, x := range xs {
			x.Mod(x, n)
			want := new(big.Int).Exp(x, new(big.Int).SetUint64(uint64(e)), n)
			if got := m.exp(x.Bytes(), e); !slices.Equal(got, limbs(want.Bytes(), len(m.n))) {
				t.Fatalf("%x^%d mod %x = %x, want %x", x, e, n, got, want)
			}
		}
	})
}

func TestLimbs(t *testing.T) {
	tests := []struct {
		in   string
		want []uint64
	}{
		{"", []uint64{0, 0}},
		{"\x01", []uint64{1, 0}},
		{"\x01\x02\x03\x04\x05\x06\x07\x08", []uint64{0x0102030405060708, 0}},
		{"\x09\x01\x02\x03\x04\x05\x06\x07\x08", []uint64{0x0102030405060708, 9}},
	}
	for _, tt := range tests {
		if got := limbs([]byte(tt.in), 2); !slices.Equal(got, tt.want) {
			t.Errorf("%x: %x", tt.in, got)
		}
	}
}
