package account

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"time"

	"rollcall/contact"
	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/presence"
	"rollcall/store"
)

// task is what one input to the state machines led to.
type task struct {
	effects []any
	done    chan error // told when the effects are carried out, or nil
}

// input gives the state machines input that nobody waits for.
func (a *Account) input(f func(now time.Time)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return
	}
	now := time.Now()
	f(now)
	a.drainLocked(now, nil)
}

// do gives them input and returns when what it led to is stored and told. An
// error of f is returned after that.
func (a *Account) do(f func(now time.Time) error) error {
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		return ErrClosed
	}
	now := time.Now()
	failed := f(now)
	done := make(chan error, 1)
	a.drainLocked(now, done)
	a.mu.Unlock()
	if err := <-done; err != nil {
		return err
	}
	return failed
}

// tick is called by the alarm.
func (a *Account) tick() {
	a.input(func(now time.Time) {
		a.alarm.Rang()
		a.list.Tick(now)
		a.tracker.Tick(now)
		a.announcer.Tick(now)
		if !a.refresh.IsZero() && !a.refresh.After(now) {
			a.refreshLocked(now)
		}
	})
}

// drainLocked queues what the state machines want, tells each what the others
// need to know, and sets the alarm.
func (a *Account) drainLocked(now time.Time, done chan error) {
	var effects []any
	for _, event := range a.told {
		effects = append(effects, event)
	}
	a.told = nil
	for more := true; more; {
		before := len(effects)
		changes := a.list.Effects(nil)
		a.answerFirstLocked(changes)
		for _, e := range changes {
			effects = append(effects, e)
			a.contactChangedLocked(now, e)
		}
		for _, e := range a.tracker.Effects(nil) {
			effects = append(effects, e)
			a.deviceChangedLocked(now, e)
		}
		for _, e := range a.announcer.Effects(nil) {
			effects = append(effects, e)
			if e, ok := e.(presence.Announced); ok {
				a.announced = e.On
			}
		}
		more = len(effects) > before
	}
	a.setAlarmLocked()
	if len(effects) == 0 && done == nil {
		return
	}
	a.queue = append(a.queue, task{effects, done})
	if !a.working {
		a.working = true
		a.wg.Go(a.work)
	}
}

// contactChangedLocked keeps the tracker at the present contacts.
func (a *Account) contactChangedLocked(now time.Time, e contact.Effect) {
	var err error
	switch e := e.(type) {
	case contact.ContactAdded:
		err = a.tracker.SetContact(now, e.Peer, true)
		a.wantAllLocked(e.Peer)
	case contact.ContactRemoved:
		a.unwantLocked(e.Peer)
		err = a.tracker.SetContact(now, e.Peer, false)
	}
	if err != nil {
		a.log.Warn("contact not followed", "err", err)
	}
}

// deviceChangedLocked tells the outbox who is there, and connects to them.
func (a *Account) deviceChangedLocked(now time.Time, e presence.Effect) {
	switch e := e.(type) {
	case presence.DeviceUp:
		if e.Verdict == presence.Genuine {
			a.list.DeviceUp(now, e.Account, e.Device)
		}
		a.connectLocked(e.Account, e.Key, e.Verdict)
	case presence.DeviceAgain:
		a.connectLocked(e.Account, e.Key, e.Verdict)
	case presence.DeviceDown:
		a.list.DeviceDown(e.Account, e.Device)
		if a.peers != nil {
			a.peers.Unwant(value.KeyLongID(e.Key))
		}
	}
}

// setAlarmLocked makes the alarm ring when one of the machines must be ticked.
func (a *Account) setAlarmLocked() {
	next := a.refresh
	for _, deadline := range []time.Time{a.list.NextDeadline(), a.tracker.NextDeadline(), a.renewalLocked()} {
		if next.IsZero() || !deadline.IsZero() && deadline.Before(next) {
			next = deadline
		}
	}
	if !a.closed {
		a.alarm.Set(next)
	}
}

// renewalLocked returns when the announcer must be ticked: at the next beat of the
// node after it is due.
func (a *Account) renewalLocked() time.Time {
	due, beat := a.announcer.NextDeadline(), min(renewalBeat, a.announcer.Lease()/beatsPerLease)
	if due.IsZero() || a.session == nil || beat == 0 {
		return due
	}
	return a.session.beat(due, beat)
}

// work carries out what is queued, in order, until nothing is.
func (a *Account) work() {
	for tasks := a.take(); len(tasks) > 0; tasks = a.take() {
		a.carryOut(tasks)
	}
}

func (a *Account) take() []task {
	a.mu.Lock()
	defer a.mu.Unlock()
	tasks := a.queue
	a.queue = nil
	a.working = len(tasks) > 0
	return tasks
}

// carryOut stores what all tasks want stored in one transaction, then does the
// rest of each. What may be lost is stored last: nobody waits for it.
func (a *Account) carryOut(tasks []task) {
	err := a.storeAll(tasks)
	if err != nil {
		a.log.Error("not stored", "err", err)
		tasks = append(tasks, a.reload()...)
	}
	var memories []presence.SaveMemory
	for _, t := range tasks {
		for _, e := range t.effects {
			if _, ofList := e.(contact.Effect); ofList && err != nil {
				continue
			}
			switch e := e.(type) {
			case presence.SaveMemory:
				memories = append(memories, e)
				continue
			case presence.Listen: // which reads them
				memories = a.saveMemories(memories)
			}
			a.perform(e)
		}
		if t.done != nil {
			t.done <- err
		}
	}
	if len(memories) > 0 {
		runtime.Gosched() // those who were told something pass it on meanwhile
		a.saveMemories(memories)
	}
}

func (a *Account) saveMemories(memories []presence.SaveMemory) (none []presence.SaveMemory) {
	for _, e := range memories {
		if err := a.cfg.Cache.SaveMemory(a.id, e.Account, e.Memory); err != nil {
			a.log.Warn("presence not remembered", "err", err)
		}
	}
	return nil
}

func (a *Account) storeAll(tasks []task) error {
	var batch []contact.Effect
	for _, t := range tasks {
		for _, e := range t.effects {
			if e, ok := e.(contact.Effect); ok && store.Stores(e) {
				batch = append(batch, e)
			}
		}
	}
	if len(batch) == 0 {
		return nil
	}
	return a.cfg.State.Apply(time.Now().UnixMilli(), batch)
}

// reload goes back to what is stored, after a failure to store: the list has run
// ahead of the disk. It returns what was queued meanwhile on the same wrong ground.
func (a *Account) reload() []task {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	later := a.queue
	a.queue = nil
	if err := a.load(now); err != nil {
		// What is in memory is the best there is; the next change tries again.
		a.log.Error("stored contacts cannot be read back", "err", err)
		return later
	}
	for _, peer := range slices.SortedFunc(maps.Keys(a.answering), infohash.Hash.Compare) {
		a.answeredLocked(peer) // or not, as it was not stored
	}
	for _, peer := range a.tracker.Accounts(false) {
		c, _ := a.list.Contact(peer)
		if err := a.tracker.SetContact(now, peer, c.Active()); err != nil {
			a.log.Warn("contact not followed", "err", err)
		}
		view, _ := a.tracker.View(peer)
		for _, d := range view.Devices {
			if d.Verdict == presence.Genuine {
				a.list.DeviceUp(now, peer, d.ID)
			}
		}
	}
	a.drainLocked(now, nil)
	return later
}

// perform does one thing after everything is stored.
func (a *Account) perform(effect any) {
	switch e := effect.(type) {
	case contact.Put:
		a.deliver(e)
	case presence.PutAnnouncement:
		a.job(func(s *session) { s.announce(e) })
	case presence.WithdrawAnnouncement:
		a.withdraw(e.ValueID)
	case presence.CheckAnnouncement:
		a.job(func(s *session) { s.checkAnnouncement(e.ValueID) })
	case presence.Listen:
		a.follow(e.Account)
	case presence.Unlisten:
		a.unfollow(e.Account)
	case presence.StatusChanged:
		a.relax(e)
	case presence.DeviceUp:
		if e.Verdict == presence.Unknown {
			a.job(func(s *session) { s.judge(e) })
		}
	}
	if isEvent(effect) {
		a.log.Debug("event", "what", fmt.Sprintf("%T", effect))
		a.cfg.Notify(effect)
	}
}

// job runs f without the lock, while the account is on the network. It reports
// false when the account is not.
func (a *Account) job(f func(s *session)) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.session
	if s != nil {
		s.parts.Go(func() { f(s) })
	}
	return s != nil
}

// pause waits for d and reports whether ctx is still going on.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// backoff returns the wait after a number of failures.
func backoff(failures int) time.Duration { return min(minRetry<<min(failures, 10), maxRetry) }
