package talk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"rollcall/channel"
	"rollcall/dht/infohash"
	"rollcall/dht/value"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// person is somebody who talks, and what happened to them.
type person struct {
	*Talk
	mu  sync.Mutex
	log []string
}

func newPerson(t *testing.T, name string) *person {
	t.Helper()
	p := &person{}
	cfg := Config{
		Account: infohash.SumString(name), Contact: func(infohash.Hash) bool { return true },
		Notify: func(e Event) {
			p.mu.Lock()
			defer p.mu.Unlock()
			switch e := e.(type) {
			case NoteReceived:
				p.log = append(p.log, fmt.Sprintf("note %q", e.Text))
			case TextReceived:
				p.log = append(p.log, fmt.Sprintf("text %.20q of %d bytes", e.Content, len(e.Content)))
			case TextChanged:
				p.log = append(p.log, fmt.Sprintf("%v", e.Status))
			default:
				p.log = append(p.log, fmt.Sprintf("%T", e))
			}
		},
	}
	copy(cfg.Device[:], name)
	p.Talk = New(cfg)
	return p
}

func (p *person) expect(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if got := strings.Join(p.log, ", "); got != strings.Join(want, ", ") {
		t.Errorf("got %s, want %s", got, strings.Join(want, ", "))
	}
	p.log = nil
}

// wire is one end of a connection in memory.
type wire struct {
	far, near *person
	other     *wire
	done      chan struct{}

	mu       sync.Mutex
	channels []net.Conn
}

func newWire(a, b *person) *wire {
	done := make(chan struct{})
	of := &wire{near: a, far: b, done: done}
	of.other = &wire{near: b, far: a, done: done, other: of}
	return of
}

func connect(a, b *person) *wire {
	of := newWire(a, b)
	a.Connected(of)
	b.Connected(of.other)
	return of
}

func (w *wire) Account() infohash.Hash     { return w.far.cfg.Account }
func (w *wire) Device() value.LongID       { return w.far.cfg.Device }
func (w *wire) LocalAddr() netip.AddrPort  { return netip.AddrPort{} }
func (w *wire) RemoteAddr() netip.AddrPort { return netip.AddrPort{} }
func (w *wire) Done() <-chan struct{}      { return w.done }

func (w *wire) Open(_ context.Context, name string) (net.Conn, error) {
	serve := w.far.Incoming(w.other, name)
	if serve == nil {
		return nil, channel.Declined
	}
	near, far := net.Pipe()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.channels = append(w.channels, near, far)
	go serve(far)
	return near, nil
}

// end ends the connection.
func (w *wire) end() {
	close(w.done)
	for _, w := range []*wire{w, w.other} {
		w.mu.Lock()
		for _, ch := range w.channels {
			ch.Close()
		}
		w.mu.Unlock()
	}
	w.near.Disconnected(w)
	w.far.Disconnected(w.other)
}

func TestTalk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newPerson(t, "a"), newPerson(t, "b")
		defer a.Close()
		defer b.Close()
		if err := a.SetNote(Note{"Lunch Time", time.Now().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		w := connect(a, b)
		if !a.Reaches(b.cfg.Account) || a.Reaches(a.cfg.Account) {
			t.Error("a does not know whom it reaches")
		}
		time.Sleep(time.Second)
		a.expect(t)
		b.expect(t, `note "Lunch Time"`)
		long := strings.Repeat("x", 60<<10)
		for _, text := range []string{"hello", long} {
			if _, err := b.Send(a.cfg.Account, "text/plain", text); err != nil {
				t.Fatal(err)
			}
		}
		b.expect(t, "sending", "sent", "sending", "sent")
		a.expect(t, `text "hello" of 5 bytes`, fmt.Sprintf("text %.20q of %d bytes", long, len(long)))

		time.Sleep(time.Hour)
		a.expect(t, "exchange.NoteExpired")
		b.expect(t, `note ""`)
		w.end()
		synctest.Wait()
		if a.Reaches(b.cfg.Account) || len(a.lines)+len(b.lines) > 0 {
			t.Errorf("%d and %d channels after the end", len(a.lines), len(b.lines))
		}
		if _, err := a.Send(b.cfg.Account, "text/plain", "hello"); err != nil {
			t.Fatal(err)
		}
		a.expect(t, "sending", "exchange.Seek")
		time.Sleep(2 * time.Minute)
		a.expect(t, "failed")
	})
}

// TestDeaf covers a peer that reads nothing: it loses its channels.
func TestDeaf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newPerson(t, "a"), newPerson(t, "b")
		defer a.Close()
		defer b.Close()
		w := newWire(a, b)
		near, far := net.Pipe()
		go a.Incoming(w, "msg:x")(near)
		synctest.Wait()
		for i := range 7 {
			if _, err := a.Send(b.cfg.Account, "text/plain", strings.Repeat("x", 50<<10)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if _, err := far.Write(nil); (err != nil) != (i == 6) {
				t.Errorf("after %d texts: %v", i+1, err)
			}
		}
		far.Close()
		close(w.done)
		a.Disconnected(w)
	})
}

func TestSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newPerson(t, "a"), newPerson(t, "b")
		defer a.Close()
		defer b.Close()
		w := newWire(a, b)
		near, far := net.Pipe()
		go a.Incoming(w, "sip")(near)
		synctest.Wait()
		if _, err := io.WriteString(far, "OPTIONS sip:a@b SIP/2.0\r\nl: 0\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(writeLimit + time.Second)
		if b, err := io.ReadAll(far); len(b) > 0 || err != nil {
			t.Errorf("got %q, %v after the time", b, err)
		}
	})
}

func TestClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newPerson(t, "a"), newPerson(t, "b")
		defer b.Close()
		w := connect(a, b)
		time.Sleep(time.Second)
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if len(b.lines) > 0 {
			t.Error("the channels are still open")
		}
		if err := a.SetNote(Note{}); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a note afterwards: %v", err)
		}
		if _, err := a.Send(b.cfg.Account, "text/plain", "x"); err != ErrClosed {
			t.Errorf("a text afterwards: %v", err)
		}
		w.end()
		near, far := net.Pipe()
		b.Incoming(w.other, "sip")(near) // of a connection whose end was told
		if _, err := far.Read(make([]byte, 1)); err != io.EOF || len(b.conns) > 0 {
			t.Errorf("a channel of an ended connection: %v, %d connections", err, len(b.conns))
		}
	})
}

func TestIncoming(t *testing.T) {
	a := newPerson(t, "a")
	defer a.Close()
	for name, ours := range map[string]bool{
		"sip": true, "msg:": true, "msg:" + strings.Repeat("a", 64): true,
		"": false, "sips": false, "git://x/y": false, "sync://x": false,
	} {
		if got := a.Incoming(nil, name) != nil; got != ours {
			t.Errorf("%q: %v", name, got)
		}
	}
}

func TestNoteIsChecked(t *testing.T) {
	a := newPerson(t, "a")
	defer a.Close()
	for _, text := range []string{strings.Repeat("x", MaxNote+1), "\xff", "a\x00", " open ", "closed"} {
		if err := a.SetNote(Note{Text: text}); !errors.Is(err, ErrNote) || a.Note() != (Note{}) {
			t.Errorf("%.10q: %v", text, err)
		}
	}
}
