package contact

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/dht/infohash"
	"rollcall/test/trace"
)

func TestTraces(t *testing.T) {
	trace.Run(t, "testdata/*.txt", func() func(trace.Command) (string, error) { return newScript().execute })
}

// script executes traces on the list of the account "me", of which the executing
// device has a disk that survives a restart.
type script struct {
	names
	now    time.Time
	list   *List
	disk   *disk
	values map[uint64]string // value ids by order of appearance
	last   map[string]Ref    // latest put, by device and kind

	network bool // every put succeeds at once
	puts    int
	lastPut time.Time
}

func newScript() *script {
	s := &script{
		names: make(names), now: start, disk: newDisk(),
		values: make(map[uint64]string), last: make(map[string]Ref),
	}
	s.restart()
	return s
}

func (s *script) restart() {
	s.list = New(s.now, s.id("me"), s.disk.snapshot(), rand.New(rand.NewPCG(1, 2)))
}

func (s *script) execute(c trace.Command) (string, error) {
	printed, err := s.do(c)
	return printed + s.drain(), err
}

func (s *script) do(c trace.Command) (string, error) {
	name := c.Word(0)
	peer := s.id(account(name))
	device := s.id(name)
	switch c.Name {
	case "add":
		return result(s.list.Add(s.now, peer))
	case "remove":
		return result(s.list.Remove(s.now, peer, false))
	case "ban":
		return result(s.list.Remove(s.now, peer, true))
	case "accept":
		return result(s.list.Accept(s.now, peer))
	case "discard":
		return result(s.list.Discard(s.now, peer), nil)
	case "send":
		if err := s.list.Send(s.now, peer, []byte(c.Settings["payload"])); err != nil {
			return fmt.Sprintln("->", err), nil
		}
	case "cancel":
		return result(s.list.Cancel(peer), nil)
	case "see":
		s.list.See(peer)
	case "request", "confirm":
		m, err := s.message(c)
		return fmt.Sprintln("->", s.list.Receive(s.now, m)), err
	case "sync":
		return s.sync(c, peer)
	case "sync-request":
		received, err := s.ms(c.Settings["received"])
		s.list.Sync(s.now, s.id("me/other"), nil, []Request{{From: peer, Received: received}})
		return "", err
	case "up":
		s.list.DeviceUp(s.now, peer, device)
	case "down":
		s.list.DeviceDown(peer, device)
	case "revoke":
		s.list.DeviceRevoked(peer, device)
	case "stored", "failed":
		ref, ok := s.last[name+" "+c.Word(1)]
		if !ok {
			return "", fmt.Errorf("no %s was put for %s", c.Word(1), name)
		}
		s.list.PutDone(s.now, ref, c.Name == "stored")
	case "policy":
		modes := []string{Everyone.String(), Quietly.String(), ApprovedOnly.String()}
		p := Policy{Mode: Mode(slices.Index(modes, name))}
		if code := c.Settings["code"]; code != "" {
			p.Codes = []string{code}
		}
		return "", s.list.SetPolicy(p)
	case "network":
		s.network = name == "up"
	case "wait":
		return s.wait(c)
	case "restart":
		s.restart()
	case "show":
		return s.show(), nil
	default:
		return "", fmt.Errorf("unknown command %q", c.Name)
	}
	return "", nil
}

func result(changed bool, err error) (string, error) {
	if err != nil {
		return fmt.Sprintln("->", err), nil
	}
	return fmt.Sprintln("->", changed), nil
}

func (s *script) message(c trace.Command) (Message, error) {
	m := Message{
		From: s.id(account(c.Word(0))), Device: s.id(c.Word(0)), ConversationID: c.Settings["conversation"],
		Payload: []byte(c.Settings["payload"]), Confirm: c.Name == "confirm",
	}
	invited, err := s.ms(c.Settings["invited"])
	m.Invited = invited
	return m, err
}

// ms returns a time that is given as the distance from the start.
func (s *script) ms(setting string) (int64, error) {
	if setting == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(setting)
	return start.Add(d).UnixMilli(), err
}

func (s *script) sync(c trace.Command, peer infohash.Hash) (string, error) {
	var r Record
	var errs [2]error
	r.Added, errs[0] = s.ms(c.Settings["added"])
	r.Removed, errs[1] = s.ms(c.Settings["removed"])
	r.Confirmed = slices.Contains(c.Words, "confirmed")
	r.Banned = slices.Contains(c.Words, "banned")
	r.ConversationID = c.Settings["conversation"]
	if refused := s.list.Sync(s.now, s.id("me/other"), []Entry{{peer, r}}, nil); refused > 0 {
		return fmt.Sprintln("-> refused"), nil
	}
	return "", errs[0]
}

// wait lets time pass and does what becomes due. Of "wait 1h puts" only the
// number of puts and the time of the last are printed.
func (s *script) wait(c trace.Command) (string, error) {
	d, err := time.ParseDuration(c.Word(0))
	end := s.now.Add(d)
	puts := s.puts
	var out strings.Builder
	for next := s.list.NextDeadline(); !next.IsZero() && !next.After(end); next = s.list.NextDeadline() {
		s.now = next
		s.list.Tick(next)
		if printed := s.drain(); printed != "" {
			fmt.Fprintf(&out, "%s:\n%s", next.Sub(start).Round(time.Second), printed)
		}
	}
	if c.Word(1) == "puts" {
		out.Reset()
		fmt.Fprintf(&out, "%d puts, the last after %s\n", s.puts-puts, d-end.Sub(s.lastPut).Round(time.Minute))
	}
	s.now = end
	return out.String(), err
}

// drain stores and prints the pending effects. What is only stored is not printed.
func (s *script) drain() string {
	effects := s.list.Effects(nil)
	s.disk.apply(effects)
	var out strings.Builder
	for _, e := range effects {
		if put, ok := e.(Put); ok {
			s.puts++
			s.lastPut = s.now
			if s.network {
				s.list.PutDone(s.now, put.Ref, true)
			}
		}
		if line := s.print(e); line != "" {
			fmt.Fprintln(&out, line)
		}
	}
	return out.String()
}

func (s *script) print(e Effect) string {
	switch e := e.(type) {
	case Put:
		if s.values[e.Ref.ValueID] == "" {
			s.values[e.Ref.ValueID] = fmt.Sprintf("value-%d", len(s.values)+1)
		}
		s.last[s.of(e.Ref.Device)+" "+e.Ref.Kind.String()] = e.Ref
		return fmt.Sprintf("put %s for %s as %s conversation=%q payload=%q",
			e.Ref.Kind, s.of(e.Ref.Device), s.values[e.Ref.ValueID], e.Message.ConversationID, e.Message.Payload)
	case DeleteDelivery:
		return fmt.Sprintf("no more for %s", s.of(e.Ref.Device))
	case ContactAdded:
		return fmt.Sprintf("contact added %s confirmed=%t conversation=%q", s.of(e.Peer), e.Confirmed, e.ConversationID)
	case ContactRemoved:
		return fmt.Sprintf("contact removed %s banned=%t conversation=%q", s.of(e.Peer), e.Banned, e.ConversationID)
	case RequestReceived:
		line := fmt.Sprintf("request received %s conversation=%q payload=%q", s.of(e.Request.From), e.Request.ConversationID, e.Request.Payload)
		if e.Request.Quiet {
			line += " quietly"
		}
		if e.Replaces != nil {
			line += " replacing " + fmt.Sprintf("%q", e.Replaces.Payload)
		}
		return line
	case RequestClosed:
		return fmt.Sprintf("request closed %s %s", s.of(e.Request.From), e.Reason)
	case OutgoingChanged:
		return fmt.Sprintf("%s to %s %s", e.Kind, s.of(e.Peer), e.State)
	case SaveContact:
		return fmt.Sprintf("save contact %s by %s", s.of(e.Peer), e.Cause)
	default:
		return ""
	}
}

func (s *script) show() string {
	var out strings.Builder
	ago := func(ms int64) string {
		if ms == 0 {
			return "never"
		}
		return time.UnixMilli(ms).Sub(start).String()
	}
	for _, e := range s.list.Contacts() {
		r := e.Record
		fmt.Fprintf(&out, "contact %s active=%t added=%s removed=%s confirmed=%t banned=%t conversation=%q\n",
			s.of(e.Peer), r.Active(), ago(r.Added), ago(r.Removed), r.Confirmed, r.Banned, r.ConversationID)
	}
	for _, r := range s.list.Requests() {
		fmt.Fprintf(&out, "pending %s received=%s payload=%q\n", s.of(r.From), ago(r.Received), r.Payload)
	}
	for _, o := range s.list.Outgoing() {
		fmt.Fprintf(&out, "outgoing %s to %s %s, %d devices\n", o.Kind, s.of(o.Peer), o.State, len(o.Deliveries))
	}
	return out.String()
}
