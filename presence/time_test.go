package presence

import (
	"testing"
	"time"
	"unsafe"
)

// begin is when every test begins. It carries a monotonic reading, like the
// times that a driver passes.
var begin = time.Now()

// jump returns t with its wall clock moved by d and its monotonic one where it
// is: what a suspend or the setting of the clock does.
func jump(t time.Time, d time.Duration) time.Time {
	moved := t.Add(d)
	// The second word of a time.Time with a monotonic reading is that reading.
	(*[2]int64)(unsafe.Pointer(&moved))[1] -= int64(d)
	if moved.Sub(t) != 0 || moved.Round(0).Sub(t.Round(0)) != d {
		panic("time.Time is not laid out as this test needs it")
	}
	return moved
}

func TestClock(t *testing.T) {
	var c clock
	now := begin
	steps := []struct {
		name   string
		passed time.Duration
		jump   time.Duration
		want   bool
	}{
		{"first", 0, 0, false},
		{"a minute", time.Minute, 0, false},
		{"drift of a second", time.Minute, time.Second, false},
		{"suspend", time.Second, time.Hour, true},
		{"after it", time.Minute, 0, false},
		{"set back", 0, -time.Hour, true},
		{"set back before", -time.Second, 0, true},
	}
	for _, step := range steps {
		now = jump(now.Add(step.passed), step.jump)
		if got := c.jumped(now); got != step.want {
			t.Errorf("%s: jumped = %t", step.name, got)
		}
	}
}
