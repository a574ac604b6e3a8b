package beat

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now() // on a beat
		time.Sleep(time.Second)
		for _, tt := range []struct{ deadline, want time.Duration }{
			{0, -time.Second},
			{1, Period - time.Second},
			{time.Second, Period - time.Second},
			{Period - 1, Period - time.Second},
			{Period, Period - time.Second},
			{Period + 1, 2*Period - time.Second},
			{30 * time.Second, 8*Period - time.Second},
		} {
			if got := Wait(start.Add(tt.deadline), Period); got != tt.want {
				t.Errorf("for %v: %v, want %v", tt.deadline, got, tt.want)
			}
		}
	})
}
