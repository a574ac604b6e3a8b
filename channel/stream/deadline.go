package stream

import (
	"sync"
	"time"
)

// deadline is a moment that calls wait for and that may be moved meanwhile.
type deadline struct {
	mu    sync.Mutex // protects all following fields
	at    time.Time
	timer *time.Timer
	due   chan struct{} // closed when at has passed or was moved
}

func newDeadline() *deadline { return &deadline{due: make(chan struct{})} }

// set moves the deadline; zero means never. Those who wait look again.
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.at = t
	close(d.due)
	due := make(chan struct{})
	d.due = due
	if !t.IsZero() {
		d.timer = time.AfterFunc(time.Until(t), func() { d.wake(due) })
	}
}

// wake wakes those who wait on due, unless the deadline was moved.
func (d *deadline) wake(due chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.due == due {
		close(d.due)
		d.due = make(chan struct{})
	}
}

// wait returns a channel that is closed when the deadline passes or is moved, and
// reports whether it has passed already.
func (d *deadline) wait() (due <-chan struct{}, passed bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.due, !d.at.IsZero() && !time.Now().Before(d.at)
}
