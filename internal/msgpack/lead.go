package msgpack

import "encoding/binary"

// lead describes what the first byte of an object says about it:
//
//	00..7f  int, the byte itself     ca cb       float of 4, 8 bytes
//	80..8f  map of 0..15 pairs       cc..cf      uint of 1, 2, 4, 8 bytes
//	90..9f  array of 0..15 elements  d0..d3      int of 1, 2, 4, 8 bytes
//	a0..bf  str of 0..31 bytes       d4..d8      ext of type 1, payload 1..16 bytes
//	c0      nil                      d9 da db    str, length in 1, 2, 4 bytes
//	c2 c3   false, true              dc dd       array, count in 2, 4 bytes
//	c4..c6  bin, length in 1, 2, 4   de df       map, count in 2, 4 bytes
//	c7..c9  ext, length in 1, 2, 4   e0..ff      int, -32..-1
type lead struct {
	kind    Kind
	width   uint8 // bytes of the number, length or count that follow
	fix     uint8 // that number, length or count where width is 0
	follow  uint8 // bytes of payload, or objects, that follow for each of that
	surplus uint8 // bytes of payload that follow besides
}

// invalid reports the one first byte that stands for nothing.
func (l *lead) invalid() bool { return l.kind == KindOther && l.width == 0 && l.follow == 0 }

// fixstr is the first byte of a str of 0 bytes; up to 31 are added to it.
const fixstr = 0xa0

var leads = makeLeads()

func makeLeads() (t [256]lead) {
	for i := range 0x80 {
		t[i] = lead{kind: KindInt, fix: uint8(i)}
	}
	for i := range 0x10 {
		t[0x80+i] = lead{kind: KindMap, fix: uint8(i), follow: 2}
		t[0x90+i] = lead{kind: KindArray, fix: uint8(i), follow: 1}
	}
	for i := range 0x20 {
		t[fixstr+i] = lead{kind: KindString, fix: uint8(i), follow: 1}
		t[0xe0+i] = lead{kind: KindInt, fix: uint8(0xe0 + i)}
	}
	t[0xc0] = lead{kind: KindNil}
	t[0xc1] = lead{kind: KindOther} // never used
	t[0xc2] = lead{kind: KindBool}
	t[0xc3] = lead{kind: KindBool, fix: 1}
	for i := range 3 {
		width := uint8(1) << i
		t[0xc4+i] = lead{kind: KindBin, width: width, follow: 1}
		t[0xc7+i] = lead{kind: KindOther, width: width, follow: 1, surplus: 1}
		t[0xd9+i] = lead{kind: KindString, width: width, follow: 1}
	}
	t[0xca] = lead{kind: KindOther, width: 4}
	t[0xcb] = lead{kind: KindOther, width: 8}
	for i := range 4 {
		width := uint8(1) << i
		t[0xcc+i] = lead{kind: KindInt, width: width}
		t[0xd0+i] = lead{kind: KindInt, width: width}
	}
	for i := range 5 {
		t[0xd4+i] = lead{kind: KindOther, fix: 1 << i, follow: 1, surplus: 1}
	}
	for i := range 2 {
		width := uint8(2) << i
		t[0xdc+i] = lead{kind: KindArray, width: width, follow: 1}
		t[0xde+i] = lead{kind: KindMap, width: width, follow: 2}
	}
	return t
}

// number reads the number, length or count after the first byte of b, which l
// describes, and returns how many bytes it and the first byte take; 0 when b
// ends before.
func (l *lead) number(b []byte) (n uint64, size int) {
	switch l.width {
	case 0:
		return uint64(l.fix), 1
	case 1:
		if len(b) >= 2 {
			return uint64(b[1]), 2
		}
	case 2:
		if len(b) >= 3 {
			return uint64(binary.BigEndian.Uint16(b[1:])), 3
		}
	case 4:
		if len(b) >= 5 {
			return uint64(binary.BigEndian.Uint32(b[1:])), 5
		}
	case 8:
		if len(b) >= 9 {
			return binary.BigEndian.Uint64(b[1:]), 9
		}
	}
	return 0, 0
}
