package ice

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"rollcall/ice/internal/wire"
)

// split takes all frames apart, reading up to size bytes at a time.
func split(r io.Reader, size int) (stream []byte, checks [][]byte, err error) {
	d := newDeframer(r)
	buf := make([]byte, size)
	for {
		n, check, err := d.next(buf)
		stream = append(stream, buf[:n]...)
		if check != nil {
			checks = append(checks, bytes.Clone(check))
		}
		if err != nil {
			return stream, checks, err
		}
	}
}

func frame(p []byte) []byte { return append(wire.AppendHeader(nil, len(p)), p...) }

func TestDeframer(t *testing.T) {
	check := wire.AppendKeepalive(nil, wire.TransactionID{1})
	largest := bytes.Repeat([]byte("x"), wire.MaxFrame)
	var in []byte
	for _, f := range [][]byte{frame([]byte("ab")), check, frame(nil), frame(largest), check, frame([]byte("c"))} {
		in = append(in, f...)
	}
	want := "ab" + string(largest) + "c"
	for _, size := range []int{1, 3, 5000, 1 << 17} {
		for name, r := range map[string]io.Reader{
			"at once":      bytes.NewReader(in),
			"byte by byte": iotest.OneByteReader(bytes.NewReader(in)),
		} {
			stream, checks, err := split(r, size)
			if string(stream) != want || len(checks) != 2 || !errors.Is(err, io.EOF) {
				t.Errorf("%s, by %d: %d bytes, %d checks, %v", name, size, len(stream), len(checks), err)
			}
		}
	}
	for _, cut := range []int{1, 3, len(in) - 1} {
		if _, _, err := split(bytes.NewReader(in[:cut]), 10); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut at %d: %v", cut, err)
		}
	}
}

func TestDeframerGoesOnAfterADeadline(t *testing.T) {
	check := wire.AppendKeepalive(nil, wire.TransactionID{1})
	in := append(check, frame([]byte("data"))...)
	d := newDeframer(iotest.TimeoutReader(iotest.OneByteReader(bytes.NewReader(in))))
	buf := make([]byte, 10)
	var checks, timeouts int
	var stream []byte
	for {
		n, check, err := d.next(buf)
		stream = append(stream, buf[:n]...)
		if check != nil {
			checks++
		}
		if errors.Is(err, iotest.ErrTimeout) {
			timeouts++
		} else if err != nil {
			break
		}
	}
	if timeouts != 1 || checks != 1 || string(stream) != "data" {
		t.Errorf("%d timeouts, %d checks, %q", timeouts, checks, stream)
	}
}

func FuzzDeframer(f *testing.F) {
	f.Add(append(wire.AppendKeepalive(nil, wire.TransactionID{1}), frame([]byte("data"))...))
	f.Add(frame(bytes.Repeat([]byte{0x16}, 2000)))
	f.Fuzz(func(t *testing.T, b []byte) {
		stream, checks, _ := split(bytes.NewReader(b), 7)
		again, same, _ := split(iotest.HalfReader(bytes.NewReader(b)), 1000)
		if !bytes.Equal(stream, again) || len(checks) != len(same) {
			t.Fatal("what is read depends on how")
		}
		// Nothing is made up or lost: the frames of it are at most the input.
		size := len(stream)
		for _, c := range checks {
			size += wire.HeaderSize + len(c)
			if int(binary.BigEndian.Uint16(c[2:]))+wire.MinCheck != len(c) {
				t.Fatalf("check of %d bytes with another length within", len(c))
			}
		}
		if size > len(b) {
			t.Fatalf("%d bytes from %d", size, len(b))
		}
	})
}
