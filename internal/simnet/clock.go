package simnet

import (
	"time"
	"unsafe"
)

// stamp is how package time lays out a [time.Time] with two readings: in wall a flag,
// the seconds since 1885 and the nanoseconds, in ext the monotonic nanoseconds.
type stamp struct {
	wall uint64
	ext  int64
	loc  *time.Location // nil for UTC
}

const (
	hasMonotonic   = 1 << 63
	secondsAt      = 30
	monotonicSince = -2682288000 // 1885 in Unix seconds
)

// reading returns the time of a wall clock together with the reading of a monotonic
// clock, which no function of package time can make up.
func reading(wall time.Time, monotonic time.Duration) time.Time {
	x := stamp{
		wall: hasMonotonic | uint64(wall.Unix()-monotonicSince)<<secondsAt | uint64(wall.Nanosecond()),
		ext:  int64(monotonic),
	}
	return *(*time.Time)(unsafe.Pointer(&x))
}
