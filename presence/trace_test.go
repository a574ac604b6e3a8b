package presence

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"rollcall/dht/infohash"
	"rollcall/test/trace"
)

func TestTraces(t *testing.T) {
	trace.Run(t, "testdata/*.txt", func() func(trace.Command) (string, error) { return newScript().execute })
}

// script executes traces on one tracker and one announcer.
type script struct {
	now       time.Time
	announcer *Announcer
	tracker   *Tracker
	names     map[infohash.Hash]string
	ids       map[uint64]string // of our announcements, by order of appearance
	latest    uint64
	memory    map[infohash.Hash]Memory
	network   bool // every put of an announcement succeeds at once
}

func newScript() *script {
	return &script{
		now:     begin,
		tracker: NewTracker(TrackerConfig{Dwell: DefaultDwell, History: 4}),
		names:   make(map[infohash.Hash]string),
		ids:     make(map[uint64]string),
		memory:  make(map[infohash.Hash]Memory),
	}
}

func (s *script) id(name string) infohash.Hash {
	h := infohash.SumString(name)
	s.names[h] = name
	return h
}

// nodeID returns the id of a node, zero for "".
func nodeID(name string) infohash.Hash {
	if name == "" {
		return infohash.Hash{}
	}
	return infohash.SumString(name)
}

// device returns account and device of a name "account/device". The key of a
// device is its name.
func (s *script) device(name string) (account, device infohash.Hash) {
	owner, _, _ := strings.Cut(name, "/")
	return s.id(owner), s.id(name)
}

func (s *script) execute(c trace.Command) (string, error) {
	printed, err := s.do(c)
	return printed + s.drain(), err
}

func (s *script) do(c trace.Command) (string, error) {
	switch c.Name {
	case "announce", "stop-announcing", "prepare", "resume", "invisible", "visible", "moved", "put", "read-back", "network", "doubted", "shown", "lock":
		return "", s.announce(c)
	case "wait":
		return s.wait(c.Word(0))
	case "suspend":
		d, err := time.ParseDuration(c.Word(0))
		s.now = jump(s.now, d)
		s.tick()
		return "", err
	default:
		return s.track(c)
	}
}

func (s *script) announce(c trace.Command) (err error) {
	switch c.Name {
	case "announce":
		cfg := AnnouncerConfig{AllowShort: c.Word(0) == "short", Dated: c.Word(0) == "dated"}
		if cfg.Lease, err = time.ParseDuration(c.Settings["lease"]); err != nil {
			return err
		}
		if cfg.Date, err = stamped(c.Settings["after"]); err != nil {
			return err
		}
		if s.announcer, err = NewAnnouncer(cfg, rand.New(rand.NewPCG(1, 2))); err != nil {
			return err
		}
		s.announcer.Start(s.now)
	case "stop-announcing":
		s.announcer.Stop(s.now)
	case "prepare":
		s.announcer.Prepare(s.now)
	case "resume":
		s.announcer.Start(s.now)
	case "invisible", "visible":
		s.announcer.SetInvisible(s.now, c.Name == "invisible")
	case "moved":
		s.announcer.NetworkChanged(s.now)
	case "network":
		s.network = c.Word(0) == "up"
	case "put":
		s.announcer.PutDone(s.now, s.latest, c.Word(0) == "done")
	case "doubted":
		s.announcer.Doubted(s.now)
	case "shown":
		date, err := stamped(c.Settings["date"])
		s.announcer.Shown(s.now, Stamp{Date: date})
		return err
	case "lock":
		s.announcer.SetDated(s.now, false)
	case "read-back":
		asked, err1 := strconv.Atoi(c.Settings["asked"])
		held, err2 := strconv.Atoi(c.Settings["held"])
		s.announcer.ReadBack(s.now, s.latest, asked, held)
		return errors.Join(err1, err2)
	}
	return nil
}

func (s *script) track(c trace.Command) (string, error) {
	account, device := s.device(c.Word(0))
	id, _ := strconv.ParseUint(c.Word(1), 10, 64)
	node := nodeID(c.Settings["node"])
	expires, err := s.future(c.Settings["life"])
	if err != nil {
		return "", err
	}
	switch c.Name {
	case "start":
		s.tracker.Start(s.now)
	case "stop":
		s.tracker.Stop(s.now)
	case "contact":
		return "", s.tracker.SetContact(s.now, account, true)
	case "no-contact":
		return "", s.tracker.SetContact(s.now, account, false)
	case "subscribe":
		return "", s.tracker.Subscribe(s.now, account)
	case "unsubscribe":
		s.tracker.Unsubscribe(s.now, account, c.Word(1) == "all")
	case "hear":
		return s.hear(c, account, device, id, node, expires)
	case "refresh":
		s.tracker.Refreshed(s.now, account, id, node, expires)
	case "expire":
		s.tracker.Expired(s.now, account, id, node)
	case "lose":
		s.tracker.NodeLost(s.now, account, node)
	case "judge":
		verdicts := []string{Unknown.String(), Genuine.String(), Foreign.String(), Revoked.String()}
		s.tracker.Judge(s.now, account, device, Verdict(slices.Index(verdicts, c.Word(1))))
	case "channel":
		if c.Word(1) == "up" {
			s.tracker.ChannelUp(s.now, account, device)
		} else {
			s.tracker.ChannelDown(s.now, account, device, c.Word(1) == "left")
		}
	case "note":
		s.tracker.NoteReceived(s.now, account, strings.Join(c.Words[1:], " "))
	case "restart":
		s.restart()
	case "show":
		return s.show(account), nil
	default:
		return "", fmt.Errorf("unknown command %q", c.Name)
	}
	return "", nil
}

// future returns the time in a distance from now, zero for "".
func (s *script) future(setting string) (time.Time, error) {
	if setting == "" {
		return time.Time{}, nil
	}
	d, err := time.ParseDuration(setting)
	return s.now.Add(d), err
}

// stamped returns the signed time in a distance from the beginning, zero for "".
func stamped(setting string) (time.Time, error) {
	if setting == "" {
		return time.Time{}, nil
	}
	d, err := time.ParseDuration(setting)
	return begin.Add(d).Round(0), err
}

func (s *script) hear(c trace.Command, account, device infohash.Hash, id uint64, node infohash.Hash, expires time.Time) (string, error) {
	v := Value{ID: id, Owner: account, Device: device, DeviceKey: []byte(c.Word(0)), Node: node, Expires: expires}
	if owner := c.Settings["owner"]; owner != "" {
		v.Owner = s.id(owner)
	}
	if key := c.Settings["key"]; key != "" {
		v.DeviceKey = []byte(strings.TrimPrefix(key, "none"))
	}
	v.Stamp.Lasting = c.Settings["lasting"] == "true"
	var err error
	if v.Stamp.Date, err = stamped(c.Settings["date"]); err != nil {
		return "", err
	}
	if outcome := s.tracker.Heard(s.now, account, v); outcome != Counted {
		return fmt.Sprintln("->", outcome), nil
	}
	return "", nil
}

// restart begins anew with what was stored and the same contacts.
func (s *script) restart() {
	old := s.tracker
	s.tracker = NewTracker(old.cfg)
	for _, account := range old.Accounts(false) {
		_ = s.tracker.SetContact(s.now, account, true)
	}
	s.tracker.Start(s.now)
}

// wait lets time pass and does what becomes due.
func (s *script) wait(duration string) (string, error) {
	d, err := time.ParseDuration(duration)
	end := s.now.Add(d)
	var out strings.Builder
	for next := s.deadline(); !next.IsZero() && !next.After(end); next = s.deadline() {
		s.now = s.now.Add(max(0, next.Sub(s.now)))
		s.tick()
		if printed := s.drain(); printed != "" {
			fmt.Fprintf(&out, "%s:\n%s", s.now.Sub(begin).Round(time.Second), printed)
		}
	}
	s.now = s.now.Add(end.Sub(s.now))
	return out.String(), err
}

func (s *script) deadline() time.Time {
	next := s.tracker.NextDeadline()
	if s.announcer != nil {
		next = earlier(next, s.announcer.NextDeadline())
	}
	return next
}

func (s *script) tick() {
	s.tracker.Tick(s.now)
	if s.announcer != nil {
		s.announcer.Tick(s.now)
	}
}

func (s *script) drain() string {
	effects := s.tracker.Effects(nil)
	if s.announcer != nil {
		effects = s.announcer.Effects(effects)
	}
	var out strings.Builder
	for _, e := range effects {
		if line := s.print(e); line != "" {
			fmt.Fprintln(&out, line)
		}
	}
	return out.String()
}

func (s *script) print(e Effect) string {
	switch e := e.(type) {
	case PutAnnouncement:
		s.latest = e.ValueID
		if s.ids[e.ValueID] == "" {
			s.ids[e.ValueID] = fmt.Sprintf("value-%d", len(s.ids)+1)
		}
		if s.network {
			s.announcer.PutDone(s.now, e.ValueID, true)
		}
		line := fmt.Sprintf("put %s", s.ids[e.ValueID])
		if e.Permanent {
			line += " permanently"
		} else {
			line += fmt.Sprintf(" for %s", Life+e.Created.Round(0).Sub(s.now.Round(0)))
		}
		if !e.Date.IsZero() {
			line += fmt.Sprintf(" dated %s", e.Date.Round(0).Sub(begin.Round(0)))
		}
		return line
	case WithdrawAnnouncement:
		return "withdraw " + s.ids[e.ValueID]
	case CheckAnnouncement:
		return "check " + s.ids[e.ValueID]
	case Announced:
		return fmt.Sprintf("announced %t", e.On)
	case LeaseChanged:
		return fmt.Sprintf("lease %s, configured %s: %s", e.Lease, e.Configured, e.Reason())
	case Listen:
		s.tracker.Restore(e.Account, s.memory[e.Account])
		return "listen " + s.names[e.Account]
	case Unlisten:
		return "unlisten " + s.names[e.Account]
	case StatusChanged:
		if e.Cause == CauseNote {
			return fmt.Sprintf("%s is %s and says %q", s.names[e.Account], e.Status, e.Note)
		}
		return fmt.Sprintf("%s is %s (%s)", s.names[e.Account], e.Status, e.Cause)
	case DeviceUp:
		return fmt.Sprintf("device %s up, %s", s.names[e.Device], e.Verdict)
	case DeviceAgain:
		return fmt.Sprintf("device %s again", s.names[e.Device])
	case DeviceDown:
		return fmt.Sprintf("device %s down", s.names[e.Device])
	case SaveMemory:
		s.memory[e.Account] = e.Memory
	}
	return ""
}

func (s *script) show(account infohash.Hash) string {
	v, ok := s.tracker.View(account)
	if !ok {
		return "unknown\n"
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%s %s online=%t flaps=%d subscriptions=%d", s.names[account], v.Status, v.Online, v.Flaps, v.Subscriptions)
	if !v.LastSeen.IsZero() {
		fmt.Fprintf(&out, " seen=%s ago", s.now.Sub(v.LastSeen))
	}
	out.WriteString("\n")
	for _, d := range v.Devices {
		fmt.Fprintf(&out, "device %s %s until=%s dated=%t\n", s.names[d.ID], d.Verdict, d.Until.Sub(s.now), d.Dated)
	}
	for _, c := range v.Channels {
		fmt.Fprintf(&out, "channel with %s for %s\n", s.names[c.Device], s.now.Sub(c.Since))
	}
	if !v.Note.At.IsZero() {
		fmt.Fprintf(&out, "says %q for %s\n", v.Note.Text, s.now.Sub(v.Note.At).Round(time.Second))
	}
	for _, c := range v.History {
		if c.Noted {
			fmt.Fprintf(&out, "said %q at %s\n", c.Note, c.At.Sub(begin).Round(time.Second))
			continue
		}
		fmt.Fprintf(&out, "was %s at %s\n", c.Status, c.At.Sub(begin).Round(time.Second))
	}
	return out.String()
}
