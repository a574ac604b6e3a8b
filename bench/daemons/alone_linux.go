package daemons

import (
	"context"
	"crypto/sha1"
	"fmt"
	"time"

	"rollcall/bench/server"
	"rollcall/bench/stats"
	"rollcall/test/peers"
)

const (
	// drain is what a daemon has to finish what calls have started, so that it
	// counts as theirs.
	drain = time.Second
	// listCalls is how often the list of contacts is asked for.
	listCalls = 20

	busName                = "cx.ring.Ring"
	configuration          = "/cx/ring/Ring/ConfigurationManager"
	configurationInterface = "cx.ring.Ring.ConfigurationManager"
)

// alone measures a daemon that has the network for itself: an account is made,
// gets more and more contacts, and the daemon restarts and idles with them.
func (s *Suite) alone(t *trial, d Daemon, round int) error {
	n := newNetwork(t)
	daemon := d.Kind.Start(t, n.HostIPv4())
	account, err := s.create(t.ctx, d, round, daemon, n)
	if err != nil {
		return err
	}
	contacts := 0
	for _, want := range s.Contacts {
		if want > contacts {
			label := fmt.Sprintf("addContact, %d to %d", contacts+1, want)
			err := s.calls(t.ctx, d, round, label, account, contacts, want, account.AddContact)
			if err != nil {
				return err
			}
			contacts = want
		}
		if err := s.restart(t.ctx, d, round, account, contacts); err != nil {
			return err
		}
		if contacts > 0 {
			label := fmt.Sprintf("subscribeBuddy, %d times", contacts)
			err := s.calls(t.ctx, d, round, label, account, 0, contacts, func(ctx context.Context, uri string) error {
				return account.Track(ctx, uri, true)
			})
			if err != nil {
				return err
			}
		}
		if err := s.idle(t.ctx, d, round, account, contacts); err != nil {
			return err
		}
		if contacts > 0 {
			if err := s.list(t.ctx, d, round, account, contacts); err != nil {
				return err
			}
		}
	}
	return nil
}

// accounts makes accounts only, as their keys are found by luck and it takes
// many to compare.
func (s *Suite) accounts(t *trial, d Daemon, round int) error {
	n := newNetwork(t)
	for range s.Accounts {
		daemon := d.Kind.Start(t, n.HostIPv4())
		if _, err := s.create(t.ctx, d, round, daemon, n); err != nil {
			return err
		}
		daemon.Kill()
	}
	return nil
}

// create makes the daemon's first account.
func (s *Suite) create(ctx context.Context, d Daemon, round int, daemon *peers.Daemon, n network) (*peers.Account, error) {
	before, err := server.CPU(daemon.Pid())
	if err != nil {
		return nil, err
	}
	start, mark := time.Now(), daemon.Mark()
	account, err := daemon.AddAccount(ctx, "bench", n.node.Addr())
	if err != nil {
		return nil, err
	}
	after, err := server.CPU(daemon.Pid())
	if err != nil {
		return nil, err
	}
	registered, err := account.WaitSignal(ctx, mark, "registrationStateChanged", account.ID, "REGISTERED")
	if err != nil {
		return nil, err
	}
	s.record(d, round, "daemon start", "new account", map[string]float64{
		"registered_ms": millis(registered.At.Sub(start)),
		"cpu_ms":        millis(after - before),
	})
	return account, nil
}

// restart ends the daemon as a user would, and starts it again. One that does
// not end in time is killed, and counts with the time it had.
func (s *Suite) restart(ctx context.Context, d Daemon, round int, account *peers.Account, contacts int) error {
	start := time.Now()
	if err := account.Terminate(); err != nil {
		s.Log.Warn("exit", "err", err)
	}
	exit := time.Since(start)
	start, mark := time.Now(), account.Mark()
	account.Restart()
	registered, err := account.WaitSignal(ctx, mark, "registrationStateChanged", account.ID, "REGISTERED")
	if err != nil {
		return err
	}
	if err := account.WaitAnnounced(ctx, mark); err != nil {
		return err
	}
	cpu, err := server.CPU(account.Pid())
	if err != nil {
		return err
	}
	s.record(d, round, "daemon start", fmt.Sprintf("restart, %d contacts", contacts), map[string]float64{
		"registered_ms": millis(registered.At.Sub(start)),
		"cpu_ms":        millis(cpu),
		"exit_ms":       millis(exit),
	})
	return nil
}

// calls makes one call for each of the contacts from first to last.
func (s *Suite) calls(ctx context.Context, d Daemon, round int, label string, account *peers.Account, first, last int, call func(context.Context, string) error) error {
	before, err := server.CPU(account.Pid())
	if err != nil {
		return err
	}
	var times stats.Histogram
	for i := first; i < last; i++ {
		start := time.Now()
		if err := call(ctx, contactURI(i)); err != nil {
			return err
		}
		times.Add(time.Since(start))
	}
	if err := server.Pause(ctx, drain); err != nil {
		return err
	}
	after, err := server.CPU(account.Pid())
	if err != nil {
		return err
	}
	s.record(d, round, "daemon calls", label, map[string]float64{
		"p50_ms": millis(times.Quantile(0.5)),
		"p99_ms": millis(times.Quantile(0.99)),
		"cpu_ms": millis(after-before) / float64(last-first),
	})
	return nil
}

// contactURI returns the uri of an account that nobody has.
func contactURI(i int) string { return fmt.Sprintf("%x", sha1.Sum(fmt.Append(nil, "contact ", i))) }

// list asks for all contacts.
func (s *Suite) list(ctx context.Context, d Daemon, round int, account *peers.Account, contacts int) error {
	list, err := account.Contacts(ctx)
	if err != nil {
		return err
	}
	if len(list) != contacts {
		return fmt.Errorf("%d contacts are listed, not %d", len(list), contacts)
	}
	client, err := dialBus(account.Address)
	if err != nil {
		return err
	}
	defer client.close()
	before, err := server.CPU(account.Pid())
	if err != nil {
		return err
	}
	var times stats.Histogram
	for range listCalls {
		took, err := client.call(busName, configuration, configurationInterface, "getContacts", account.ID)
		if err != nil {
			return fmt.Errorf("getContacts: %w", err)
		}
		times.Add(took)
	}
	after, err := server.CPU(account.Pid())
	if err != nil {
		return err
	}
	s.record(d, round, "daemon calls", fmt.Sprintf("getContacts of %d", contacts), map[string]float64{
		"p50_ms": millis(times.Quantile(0.5)),
		"p99_ms": millis(times.Quantile(0.99)),
		"cpu_ms": millis(after-before) / listCalls,
	})
	return nil
}

// idle measures a daemon of which nothing is asked.
func (s *Suite) idle(ctx context.Context, d Daemon, round int, account *peers.Account, contacts int) error {
	if err := server.Pause(ctx, s.Settle); err != nil {
		return err
	}
	start := time.Now()
	cpu, wakeups, err := usage(account.Pid())
	if err != nil {
		return err
	}
	if err := server.Pause(ctx, s.Idle); err != nil {
		return err
	}
	laterCPU, laterWakeups, err := usage(account.Pid())
	if err != nil {
		return err
	}
	seconds := time.Since(start).Seconds()
	memory, err := server.ReadMemory(account.Pid())
	if err != nil {
		return err
	}
	s.record(d, round, "daemon idle", fmt.Sprintf("%d contacts tracked", contacts), map[string]float64{
		"rss":     megabytes(memory.RSS),
		"pss":     megabytes(memory.PSS),
		"anon":    megabytes(memory.Anon),
		"cpu":     100 * (laterCPU - cpu).Seconds() / seconds,
		"wakeups": float64(laterWakeups-wakeups) / seconds,
	})
	return nil
}

func usage(pid int) (cpu time.Duration, wakeups int64, err error) {
	if cpu, err = server.CPU(pid); err != nil {
		return 0, 0, err
	}
	wakeups, err = server.Wakeups(pid)
	return cpu, wakeups, err
}
