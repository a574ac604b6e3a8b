package stream

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/channel"
)

// end is one end of a connection, with the channels that the other has opened.
type end struct {
	*Mux
	incoming chan *Channel
	open     atomic.Int64 // channels that were told open and not closed
	ended    atomic.Int64 // how often the end was told
}

func newEnd(conn net.Conn, client bool) *end {
	e := &end{incoming: make(chan *Channel, 10)}
	e.Mux = New(conn, Config{
		Client: client,
		Incoming: func(name string) func(*Channel) {
			if !strings.HasPrefix(name, "msg:") {
				return nil
			}
			return func(c *Channel) { e.incoming <- c }
		},
		Opened: func(*Channel) { e.open.Add(1) },
		Closed: func(*Channel, channel.Reason) { e.open.Add(-1) },
		Ended:  func() { e.ended.Add(1) },
	})
	return e
}

// isolated runs a test in fake time; it fails if a goroutine is left over.
func isolated(t *testing.T, test func(t *testing.T, a, b *end)) {
	synctest.Test(t, func(t *testing.T) {
		p, q := net.Pipe()
		a, b := newEnd(p, true), newEnd(q, false)
		test(t, a, b)
		for _, e := range []*end{a, b} {
			if err := e.Close(); err != nil {
				t.Error(err)
			}
			e.Close()
			if _, err := e.Open(t.Context(), "msg:"); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Open after Close: %v", err)
			}
			if n := e.open.Load(); n != 0 {
				t.Errorf("%d channels were not told closed", n)
			}
			if n := e.ended.Load(); n != 1 {
				t.Errorf("the end was told %d times", n)
			}
		}
	})
}

// pair opens a channel from a to b.
func pair(t *testing.T, a, b *end) (*Channel, *Channel) {
	t.Helper()
	from, err := a.Open(t.Context(), "msg:x")
	if err != nil {
		t.Fatal(err)
	}
	to := <-b.incoming
	if to.Name() != "msg:x" {
		t.Fatal(to.Name())
	}
	if a.open.Load() == 0 || b.open.Load() == 0 {
		t.Error("the channel was not told open")
	}
	return from, to
}

func TestConversation(t *testing.T) {
	isolated(t, func(t *testing.T, a, b *end) {
		from, to := pair(t, a, b)
		back, forth := pair(t, b, a)
		for _, c := range [][2]*Channel{{from, to}, {to, from}, {back, forth}} {
			go c[0].Write([]byte("hello"))
			buf := make([]byte, 5)
			if _, err := io.ReadFull(c[1], buf[:3]); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(c[1], buf[3:]); err != nil || string(buf) != "hello" {
				t.Fatalf("%q, %v", buf, err)
			}
		}
		from.Write([]byte("last words"))
		from.Close()
		from.Close()
		if got, err := io.ReadAll(to); string(got) != "last words" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		if _, err := to.Write([]byte("x")); !errors.Is(err, net.ErrClosed) || !errors.Is(err, channel.Remote) {
			t.Error(err)
		}
		if _, err := from.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		to.Close()
		// The end of the connection ends the other channel at once.
		start := time.Now()
		go b.Close()
		if _, err := forth.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) || !errors.Is(err, channel.StreamEnd) {
			t.Error(err)
		}
		<-a.Done()
		if !errors.Is(a.Err(), channel.StreamEnd) || time.Since(start) > 0 {
			t.Errorf("%v after %v", a.Err(), time.Since(start))
		}
		if stats := a.Stats(); stats.Ends[channel.Local] != 1 || stats.BytesIn == 0 {
			t.Errorf("stats %+v", stats)
		}
	})
}

func TestOpenFails(t *testing.T) {
	isolated(t, func(t *testing.T, a, b *end) {
		if _, err := a.Open(t.Context(), "sip"); !errors.Is(err, channel.Declined) {
			t.Error(err)
		}
		if _, err := a.Open(t.Context(), ""); !errors.Is(err, channel.ErrName) {
			t.Error(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if c, err := a.Open(ctx, "msg:x"); err == nil {
			c.Close() // the answer may be as fast
		} else if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		// Either way the peer's end is closed.
		c := <-b.incoming
		if _, err := c.Read(make([]byte, 1)); err != io.EOF {
			t.Error(err)
		}
		c.Close()
	})
}

func TestDeadlines(t *testing.T) {
	isolated(t, func(t *testing.T, a, b *end) {
		from, to := pair(t, a, b)
		start := time.Now()
		from.SetReadDeadline(start.Add(time.Hour))
		from.SetDeadline(start.Add(time.Second))
		if _, err := from.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if _, err := from.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
		// Moved while a reader waits, then taken back.
		go func() {
			time.Sleep(time.Second)
			from.SetReadDeadline(time.Now())
		}()
		from.SetDeadline(time.Time{})
		if _, err := from.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != 2*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		from.SetDeadline(time.Time{})
		go to.Write([]byte("y"))
		if n, err := from.Read(make([]byte, 1)); n != 1 || err != nil {
			t.Error(n, err)
		}
		from.SetDeadline(time.Now().Add(time.Hour))
		from.Close()
	})
}

func TestTransfers(t *testing.T) {
	isolated(t, func(t *testing.T, a, b *end) {
		data := bytes.Repeat([]byte("0123456789abcdef!"), 100_000)
		from, to := pair(t, a, b)
		back, forth := pair(t, b, a)
		results := make(chan error, 2)
		for _, c := range [][2]*Channel{{from, to}, {back, forth}} {
			go func() {
				c[0].Write(data)
				c[0].Close()
			}()
			go func() {
				got, err := io.ReadAll(c[1])
				if err == nil && !bytes.Equal(got, data) {
					err = errors.New("received something else")
				}
				results <- err
			}()
		}
		for range 2 {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestSlowReaderLosesItsChannelOnly(t *testing.T) {
	isolated(t, func(t *testing.T, a, b *end) {
		from, to := pair(t, a, b)
		other, another := pair(t, a, b)
		start := time.Now()
		wrote := make(chan error)
		go func() {
			_, err := from.Write(make([]byte, 4*channel.Window))
			wrote <- err
		}()
		synctest.Wait()
		go other.Write([]byte("hello"))
		if n, err := io.ReadFull(another, make([]byte, 5)); n != 5 || err != nil {
			t.Error(n, err)
		}
		if waited := time.Since(start); waited > channel.StallLimit {
			t.Errorf("the other channel waited for %v", waited)
		}
		<-wrote
		if _, err := to.Read(make([]byte, 1)); !errors.Is(err, channel.Slow) || !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
}

// A peer that vanished without a word is noticed within 30 s, also if it never
// said one and the connection takes nothing.
func TestDeadPeers(t *testing.T) {
	for name, version := range map[string]string{"silent": "", "vanished": "\x92\xcd\xff\xff\xc4\x04\x81\xa1v\x01"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, q := net.Pipe()
				defer q.Close()
				start := time.Now()
				m := New(p, Config{})
				if version != "" {
					q.Write([]byte(version))
				}
				<-m.Done()
				if !errors.Is(m.Err(), channel.Silent) || time.Since(start) > 30*time.Second {
					t.Errorf("%v after %v", m.Err(), time.Since(start))
				}
				m.Close()
			})
		})
	}
}

func TestIdleConnectionLives(t *testing.T) {
	isolated(t, func(t *testing.T, a, b *end) {
		from, to := pair(t, a, b)
		time.Sleep(time.Hour)
		go from.Write([]byte("x"))
		if n, err := to.Read(make([]byte, 1)); n != 1 || err != nil {
			t.Error(n, err)
		}
		a.Beacon()
		synctest.Wait()
		if in := a.Stats().FramesIn; in < 160 {
			t.Errorf("%d frames in an hour", in)
		}
	})
}
