package dbus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serving serves one object /cx/ring/Ring/Test of the members and handlers given,
// and returns the client's end.
func serving(t testing.TB, lines []string, handlers ...handler) (*server, *dbus.Conn) {
	t.Helper()
	var members []member
	for _, line := range lines {
		m, err := parseMember(line)
		if err != nil {
			t.Fatal(err)
		}
		members = append(members, m)
	}
	methods, err := serve(members, handlers)
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(map[dbus.ObjectPath]object{
		root:           {introspection: introspectParent([]string{"Test"})},
		root + "/Test": {busName + ".Test", methods, introspectObject(busName+".Test", members, Generation2026)},
	})
	ours, theirs := pipe(t, s.options()...)
	s.start(t.Context(), ours)
	t.Cleanup(s.close)
	return s, theirs
}

func call(conn *dbus.Conn, path dbus.ObjectPath, method string, args ...any) *dbus.Call {
	return conn.Object("", path).Call(method, 0, args...)
}

func TestDispatch(t *testing.T) {
	_, client := serving(t, []string{
		"method name(s account, s password, s name) -> s form [2023]",
		"method name(s account, s name, s scheme, s password) -> s form [2026]",
		"method pinned() -> s form [2023]",
		"method pinned(s account) -> s form [2026]",
		"method sum(ai numbers) -> i sum, s text",
		"method nothing()",
		"method absent(a{ss} map) -> b ok, as list, a{sa{sas}} tree, a(sa{ss}t) rows",
	},
		handler{"name", func(account, password, name string) string { return "three " + account + password + name }},
		handler{"name", func(_ context.Context, account, name, scheme, password string) string {
			return "four " + account + name + scheme + password
		}},
		handler{"pinned", func() string { return "none" }},
		handler{"pinned", func(account string) string { return "one " + account }},
		handler{"sum", func(numbers []int32) (int32, string) {
			sum := int32(0)
			for _, n := range numbers {
				sum += n
			}
			return sum, "bad \xff and \x00"
		}},
	)
	const own = "cx.ring.Ring.Test."
	tests := []struct {
		name, method string
		args         []any
		want         string // the results as fmt prints them, or the name of the error
	}{
		{"form of three", own + "name", []any{"a", "b", "c"}, "[three abc]"},
		{"form of four", own + "name", []any{"a", "b", "c", "d"}, "[four abcd]"},
		{"surplus argument", own + "name", []any{"a", "b", "c", "d", int32(1)}, "[four abcd]"},
		{"surplus argument of another type", own + "name", []any{"a", "b", "c", int32(1)}, "[three abc]"},
		{"form of none", own + "pinned", nil, "[none]"},
		{"form of one", own + "pinned", []any{"a"}, "[one a]"},
		{"missing argument", own + "name", []any{"a", "b"}, "InvalidArgs"},
		{"no argument", own + "sum", nil, "InvalidArgs"},
		{"wrong type", own + "sum", []any{[]string{"a"}}, "InvalidArgs"},
		{"list, text that cannot be sent", own + "sum", []any{[]int32{1, 2}}, "[3 bad \uFFFD and \uFFFD]"},
		{"no result", own + "nothing", nil, "[]"},
		{"no handler", own + "absent", []any{map[string]string{}}, "[false [] map[] []]"},
		{"unknown method", own + "other", nil, "UnknownMethod"},
		{"name in another case", own + "Name", []any{"a", "b", "c"}, "UnknownMethod"},
		{"unknown interface", "cx.ring.Ring.Other.name", []any{"a", "b", "c"}, "UnknownMethod"},
		{"properties", "org.freedesktop.DBus.Properties.GetAll", []any{"cx.ring.Ring.Test"}, "UnknownMethod"},
		{"ping", "org.freedesktop.DBus.Peer.Ping", nil, "[]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := call(client, root+"/Test", tt.method, tt.args...)
			got := fmt.Sprint(c.Body)
			var failed dbus.Error
			if errors.As(c.Err, &failed) {
				got = strings.TrimPrefix(failed.Name, errorPrefix)
			}
			if got != tt.want {
				t.Errorf("got %s (%v), want %s", got, c.Err, tt.want)
			}
		})
	}
	for _, path := range []dbus.ObjectPath{"/", root, root + "/Other", root + "/Test/x"} {
		var failed dbus.Error
		if c := call(client, path, own+"nothing"); !errors.As(c.Err, &failed) || failed.Name != errorPrefix+"UnknownMethod" {
			t.Errorf("%s: %v", path, c.Err)
		}
	}
	for path, want := range map[dbus.ObjectPath]string{root: `<node name="Test"/>`, root + "/Test": `<method name="nothing">`} {
		var text string
		if err := call(client, path, "org.freedesktop.DBus.Introspectable.Introspect").Store(&text); err != nil || !strings.Contains(text, want) {
			t.Errorf("%s: %v, %s", path, err, text)
		}
	}
}

// TestOrder: calls that one caller does not wait for run in their order.
func TestOrder(t *testing.T) {
	var got []int32
	_, client := serving(t, []string{"method add(i n)"}, handler{"add", func(n int32) { got = append(got, n) }})
	const calls = 500
	done := make(chan *dbus.Call, calls)
	var want []int32
	for n := range int32(calls) {
		client.Object("", root+"/Test").Go("cx.ring.Ring.Test.add", 0, done, n)
		want = append(want, n)
	}
	for range calls {
		if c := <-done; c.Err != nil {
			t.Fatal(c.Err)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("ran as %v", got)
	}
}

// TestCallersDoNotWaitForEachOther: a call that takes long holds up its own caller
// alone, and floods are refused.
func TestCallersDoNotWaitForEachOther(t *testing.T) {
	message := func() *dbus.Message { return &dbus.Message{Type: dbus.TypeMethodCall} }
	slow, quick := message(), message()
	release, ran := make(chan struct{}), make(chan struct{})
	var mu sync.Mutex
	count := 0
	q := newQueues(func(m *dbus.Message) {
		switch m {
		case slow:
			<-release
		case quick:
			close(ran)
		}
		mu.Lock()
		count++
		mu.Unlock()
	})
	if !q.add(":1", slow) || !q.add(":2", quick) {
		t.Fatal("refused")
	}
	<-ran
	taken := 0
	for range 2 * maxWaiting {
		if q.add(":1", message()) {
			taken++
		}
	}
	// The slow one may or may not have left the queue when the flood began.
	if taken != maxWaiting && taken != maxWaiting-1 {
		t.Errorf("%d calls were taken, want %d", taken, maxWaiting)
	}
	close(release)
	q.close()
	if count != taken+2 {
		t.Errorf("%d calls ran, want %d", count, taken+2)
	}
	if q.add(":3", message()) {
		t.Error("a closed queue takes calls")
	}
}

func TestNoReplyIsSentWhereNoneIsWanted(t *testing.T) {
	ran := make(chan struct{}, 1)
	_, client := serving(t, []string{"method run()", "method last()"}, handler{"run", func() { ran <- struct{}{} }})
	if err := client.Object("", root+"/Test").Call("cx.ring.Ring.Test.run", dbus.FlagNoReplyExpected).Err; err != nil {
		t.Fatal(err)
	}
	select {
	case <-ran:
	case <-time.After(time.Minute):
		t.Fatal("the call does not run")
	}
	// A reply to the first call would be an error of the protocol; this one is asked.
	if err := call(client, root+"/Test", "cx.ring.Ring.Test.last").Err; err != nil {
		t.Error(err)
	}
}
