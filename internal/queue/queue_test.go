package queue

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestOrder holds for each of many who put, while the function is slow, and without
// two calls of it at a time.
func TestOrder(t *testing.T) {
	type thing struct{ from, number int }
	const putters, each = 8, 100
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex // held by those who put, and taken by the function
		var next [putters]int
		taking := 0
		q := New(func(v thing) {
			if taking++; taking != 1 {
				t.Errorf("%d calls at a time", taking)
			}
			time.Sleep(time.Millisecond)
			mu.Lock()
			if v.number != next[v.from] {
				t.Errorf("%d of %d, want %d", v.number, v.from, next[v.from])
			}
			next[v.from]++
			mu.Unlock()
			taking--
		})
		var put sync.WaitGroup
		for from := range putters {
			put.Go(func() {
				for number := range each {
					mu.Lock()
					q.Put(thing{from, number})
					mu.Unlock()
					time.Sleep(time.Duration(from) * time.Millisecond)
				}
			})
		}
		put.Wait()
		q.Wait()
		for from, n := range next {
			if n != each {
				t.Errorf("%d of %d were taken from %d", n, each, from)
			}
		}
		q.Put(thing{0, each}) // after a rest
		q.Wait()
		if next[0] != each+1 {
			t.Error("nothing is taken after a rest")
		}
	})
}

// TestPutByTheFunction is in order too, and waited for.
func TestPutByTheFunction(t *testing.T) {
	var q *Queue[int]
	var taken []int
	q = New(func(n int) {
		taken = append(taken, n)
		if n < 10 {
			q.Put(n + 10)
			q.Put(n + 20)
		}
	})
	q.Wait() // an empty one
	q.Put(1)
	q.Wait()
	if want := []int{1, 11, 21}; !slices.Equal(taken, want) {
		t.Errorf("taken %v, want %v", taken, want)
	}
}
