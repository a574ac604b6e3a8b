package plan

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"rollcall/dht/value"
	"rollcall/test/trace"
)

var begin = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// named returns the device of a name. They are ordered by their names.
func named(name string) (id value.LongID) {
	copy(id[:], name)
	return id
}

// script runs the commands of one trace for the device "me".
type script struct {
	plan  *Plan
	now   time.Time
	asked map[string]uint64 // the pending request to a device
}

func newScript() func(trace.Command) (string, error) {
	s := &script{
		plan: New(named("me"), rand.New(rand.NewPCG(1, 2))), now: begin, asked: make(map[string]uint64),
	}
	return s.run
}

func (s *script) run(c trace.Command) (string, error) {
	name := c.Word(0)
	id := named(name)
	number, _ := strconv.ParseUint(c.Word(1), 10, 64)
	var out string
	switch c.Name {
	case "want":
		s.plan.Want(s.now, id)
	case "unwant":
		s.plan.Unwant(s.now, id)
	case "give-up":
		s.plan.GiveUp(s.now, id)
	case "hurry":
		s.plan.Hurry(s.now, id)
	case "network":
		s.plan.NetworkChanged(s.now)
	case "answer":
		out = fmt.Sprintln("->", s.plan.Answered(id, s.asked[c.Settings["to"]+name]))
	case "fail":
		s.plan.Failed(s.now, s.asked[name])
	case "up":
		s.plan.Up(s.now, id, ConnID(number), 0)
	case "up-asked":
		s.plan.Up(s.now, id, ConnID(number), s.asked[name])
	case "down":
		s.plan.Down(s.now, id, ConnID(number), c.Word(2) == "silent")
	case "asked":
		out = fmt.Sprintln("->", s.plan.Asked(s.now, id, number))
	case "done":
		s.plan.AnswerDone(s.now, id)
	case "many":
		return s.many(c)
	case "wait":
		return s.wait(c.Word(0))
	case "show":
		return s.show(), nil
	default:
		return "", fmt.Errorf("unknown command %q", c.Name)
	}
	return out + s.drain(), nil
}

// many gives a command for so many devices.
func (s *script) many(c trace.Command) (string, error) {
	n, err := strconv.Atoi(c.Word(0))
	var out strings.Builder
	for i := range n {
		printed, err := s.run(trace.Command{Name: c.Word(1), Words: []string{fmt.Sprint(c.Word(2), i), c.Word(3)}})
		if err != nil {
			return "", err
		}
		out.WriteString(printed)
	}
	return out.String(), err
}

func (s *script) wait(duration string) (string, error) {
	d, err := time.ParseDuration(duration)
	end := s.now.Add(d)
	var out strings.Builder
	for next := s.plan.NextDeadline(); !next.IsZero() && !next.After(end); next = s.plan.NextDeadline() {
		if next.After(s.now) {
			s.now = next
		}
		s.plan.Tick(s.now)
		if printed := s.drain(); printed != "" {
			fmt.Fprintf(&out, "%s:\n%s", s.now.Sub(begin).Round(100*time.Millisecond), printed)
		}
	}
	s.now = end
	return out.String(), err
}

func (s *script) drain() string {
	if next := s.plan.NextDeadline(); !next.IsZero() && !next.After(s.now) {
		s.plan.Tick(s.now)
	}
	var out strings.Builder
	for _, e := range s.plan.Effects(nil) {
		name := strings.TrimRight(string(e.Device[:]), "\x00")
		fmt.Fprint(&out, e.Kind, " ", name)
		switch e.Kind {
		case Ask:
			s.asked[name] = e.Request
		case Check, Drop:
			fmt.Fprint(&out, " ", e.Conn)
		}
		out.WriteString("\n")
	}
	return out.String()
}

func (s *script) show() string {
	var out strings.Builder
	for _, d := range s.plan.sorted() {
		name := strings.TrimRight(string(d.id[:]), "\x00")
		fmt.Fprintf(&out, "%s wanted=%t state=%d failures=%d connections=%d answers=%d\n", name, d.wanted, d.state, d.failures, len(d.conns), d.answers)
	}
	return out.String() + fmt.Sprintf("attempts=%d queue=%d\n", len(s.plan.attempts), len(s.plan.queue))
}

func TestTraces(t *testing.T) { trace.Run(t, "testdata/*.txt", newScript) }
