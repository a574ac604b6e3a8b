package storage

import (
	"encoding/binary"
	"slices"
)

// log holds byte strings, each belonging to a record, one after the other in large
// segments. What is freed leaves holes; when they add up, the segment with the
// fewest bytes in use is emptied into the last one. So the log takes at most a
// third more than what is in use, and three segments, and leaves no garbage.
//
//	string = record uint32, bytes, padding to 4 bytes
//	hole   = holeMark | length uint32, anything
type log struct {
	size  func(record uint32) int // of the record's string
	moved func(record, at uint32) // its string is elsewhere now

	segments []segment
	head     int    // the segment being filled
	taken    int    // segments with memory
	inUse    int    // bytes in all segments
	spare    []byte // memory of the segment dropped last
}

// segment is a stretch of memory; data is nil when it has none.
type segment struct {
	data  []byte
	inUse int
}

const (
	// segmentSize leaves an eighth unused at worst when all strings are as long as
	// values can be; moving what is in use takes tens of microseconds.
	segmentSize = 512 << 10
	// Strings are addressed by words, across all segments.
	segmentWords = segmentSize / 4

	logHeader = 4
	holeMark  = 1 << 31
)

// stretch returns the room that a string of n bytes takes.
func stretch(n int) int { return (logHeader + n + 3) &^ 3 }

// add stores p for a record and returns where.
func (l *log) add(record uint32, p []byte) (at uint32) {
	n := stretch(len(p))
	if l.taken == 0 || len(l.segments[l.head].data)+n > segmentSize {
		l.open()
	}
	s := &l.segments[l.head]
	start := len(s.data)
	s.data = s.data[:start+n]
	binary.LittleEndian.PutUint32(s.data[start:], record)
	copy(s.data[start+logHeader:], p)
	s.inUse += n
	l.inUse += n
	return uint32(l.head*segmentWords + start/4)
}

// bytes returns the string of n bytes at at, good until the next add or free.
func (l *log) bytes(at uint32, n int) []byte {
	start := int(at%segmentWords)*4 + logHeader
	return l.segments[at/segmentWords].data[start : start+n : start+n]
}

// free gives up the string of n bytes at at.
func (l *log) free(at uint32, n int) {
	i := int(at / segmentWords)
	s := &l.segments[i]
	n = stretch(n)
	binary.LittleEndian.PutUint32(s.data[at%segmentWords*4:], holeMark|uint32(n))
	s.inUse -= n
	l.inUse -= n
	if s.inUse == 0 {
		l.drop(i)
	}
	if 4*l.inUse < 3*(l.taken-2)*segmentSize {
		l.empty(l.sparsest())
	}
}

// open makes a fresh segment the head.
func (l *log) open() {
	data := l.spare
	if l.spare = nil; data == nil {
		data = make([]byte, 0, segmentSize)
	}
	l.head = slices.IndexFunc(l.segments, func(s segment) bool { return s.data == nil })
	if l.head < 0 {
		l.head = len(l.segments)
		l.segments = append(l.segments, segment{})
	}
	l.segments[l.head].data = data
	l.taken++
}

// drop gives up the memory of a segment that holds nothing any more.
func (l *log) drop(i int) {
	s := &l.segments[i]
	if i == l.head {
		s.data = s.data[:0]
		return
	}
	l.spare = s.data[:0]
	s.data = nil
	l.taken--
}

// sparsest returns the segment with the fewest bytes in use, other than the head.
func (l *log) sparsest() int {
	best := -1
	for i := range l.segments {
		if s := &l.segments[i]; i != l.head && s.data != nil && (best < 0 || s.inUse < l.segments[best].inUse) {
			best = i
		}
	}
	return best
}

// empty moves the strings of a segment to the head, or on to the next one.
func (l *log) empty(i int) {
	from := &l.segments[i]
	data := from.data
	l.inUse -= from.inUse
	from.inUse = 0
	for len(data) > 0 {
		record := binary.LittleEndian.Uint32(data)
		if record&holeMark != 0 {
			data = data[record&^holeMark:]
			continue
		}
		n := l.size(record)
		l.moved(record, l.add(record, data[logHeader:logHeader+n]))
		data = data[stretch(n):]
	}
	l.drop(i)
}
