package ice

import (
	"bufio"
	"errors"
	"io"

	"rollcall/ice/internal/wire"
)

// deframer takes the frames of a connection apart, into STUN messages and the
// stream. An error of the connection, such as a deadline, loses nothing: reading
// may go on afterwards.
type deframer struct {
	br   *bufio.Reader
	left int // bytes of the stream that remain of the present frame
}

func newDeframer(r io.Reader) deframer {
	return deframer{br: bufio.NewReaderSize(r, readBuffer)}
}

// next reads bytes of the stream into p, which must not be empty, or returns a
// STUN message, valid until the following call. The end is io.EOF between
// frames, io.ErrUnexpectedEOF within one.
func (d *deframer) next(p []byte) (n int, check []byte, err error) {
	for d.left == 0 {
		header, err := d.br.Peek(wire.HeaderSize)
		if err != nil {
			return 0, nil, within(err, len(header) > 0)
		}
		size := wire.FrameSize(header)
		if size >= wire.MinCheck && size <= wire.MaxCheck {
			start, err := d.br.Peek(wire.HeaderSize + wire.MinCheck)
			if err != nil {
				return 0, nil, within(err, true)
			}
			if wire.IsCheck(start[wire.HeaderSize:], size) {
				check, err = d.br.Peek(wire.HeaderSize + size)
				if err != nil {
					return 0, nil, within(err, true)
				}
				d.skip(len(check))
				return 0, check[wire.HeaderSize:], nil
			}
		}
		d.skip(wire.HeaderSize)
		d.left = size
	}
	n, err = d.br.Read(p[:min(len(p), d.left)])
	d.left -= n
	return n, nil, within(err, d.left > 0)
}

// skip passes over bytes that were peeked at.
func (d *deframer) skip(n int) { _, _ = d.br.Discard(n) }

// within tells the end of the connection within a frame from that after one.
func within(err error, frame bool) error {
	if frame && errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
