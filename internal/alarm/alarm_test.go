package alarm

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestAlarm rings by the times that it is set to, and rarely when nobody needs it.
func TestAlarm(t *testing.T) {
	type set struct{ at, to time.Duration }
	const second = time.Second
	tests := []struct {
		name string
		sets []set
		want []time.Duration
	}{
		{"once", []set{{0, 3 * second}}, []time.Duration{3 * second}},
		{"never", []set{{0, -1}}, nil},
		{"at once", []set{{second, second}}, []time.Duration{second}},
		{"in the past", []set{{second, 0}}, []time.Duration{second}},
		{"earlier", []set{{0, 9 * second}, {second, 3 * second}}, []time.Duration{3 * second}},
		{"a little later", []set{{0, 3 * second}, {second, 5 * second}}, []time.Duration{3 * second}},
		{"much later", []set{{0, 3 * second}, {second, 13 * second}}, []time.Duration{16 * second}},
		{"far off", []set{{second, 20*second + 1}}, []time.Duration{24 * second}},
		{"far off, on a beat", []set{{second, 20 * second}}, []time.Duration{20 * second}},
		{"twice", []set{{0, 3 * second}, {5 * second, 7 * second}}, []time.Duration{3 * second, 7 * second}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now() // a beat
				var mu sync.Mutex
				var a *Alarm
				var rang []time.Duration
				a = New(func() {
					mu.Lock()
					defer mu.Unlock()
					a.Rang()
					rang = append(rang, time.Since(start))
				})
				for _, s := range tt.sets {
					time.Sleep(s.at - time.Since(start))
					mu.Lock()
					if s.to < 0 {
						a.Set(time.Time{})
					} else {
						a.SetToBeat(start.Add(s.to), Beat)
					}
					mu.Unlock()
				}
				time.Sleep(time.Minute)
				mu.Lock()
				a.Set(time.Now().Add(time.Second))
				a.Stop()
				mu.Unlock()
				time.Sleep(time.Minute)
				mu.Lock()
				defer mu.Unlock()
				if !slices.Equal(rang, tt.want) {
					t.Errorf("rang at %v, want %v", rang, tt.want)
				}
			})
		})
	}
}

// TestSet is exact, however far off the time is.
func TestSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		rang := make(chan time.Duration)
		New(func() { rang <- time.Since(start) }).Set(start.Add(time.Hour + 1))
		if at := <-rang; at != time.Hour+1 {
			t.Errorf("rang at %v", at)
		}
	})
}
