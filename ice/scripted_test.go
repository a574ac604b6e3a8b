package ice_test

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"

	"rollcall/ice/internal/wire"
	"rollcall/ice/signaling"
	"rollcall/internal/simnet"
)

// scripted is a controlling peer on one connection that does what the test says.
type scripted struct {
	t    *testing.T
	conn net.Conn
	peer signaling.Description
}

var scriptedSays = signaling.Description{Ufrag: "script", Password: "password", Candidates: []signaling.Candidate{
	{Addr: netip.MustParseAddrPort("10.0.0.2:9"), TCPType: signaling.Active},
}}

// check sends a check and reads until its answer.
func (s *scripted) check(id byte, nominate bool) {
	s.t.Helper()
	r := &wire.Request{Username: s.peer.Ufrag + ":" + scriptedSays.Ufrag, Priority: 1, Controlling: true, Nominate: nominate}
	s.write(wire.AppendRequest(nil, wire.TransactionID{id}, r, s.peer.Password))
	for {
		m, err := wire.ParseMessage(s.read())
		if err != nil {
			s.t.Fatal(err)
		}
		if m.Kind == wire.KindSuccess && m.ID[0] == id {
			return
		}
	}
}

func (s *scripted) read() []byte {
	s.t.Helper()
	header := make([]byte, wire.HeaderSize)
	if _, err := io.ReadFull(s.conn, header); err != nil {
		s.t.Fatal(err)
	}
	p := make([]byte, wire.FrameSize(header))
	if _, err := io.ReadFull(s.conn, p); err != nil {
		s.t.Fatal(err)
	}
	return p
}

func (s *scripted) write(p []byte) {
	s.t.Helper()
	if _, err := s.conn.Write(p); err != nil {
		s.t.Fatal(err)
	}
}

// meetScripted returns an agent that is connecting to a scripted peer.
func meetScripted(t *testing.T) (*scripted, <-chan result) {
	network := simnet.NewStreams()
	a := agents(t, network, nil)[0]
	conn, err := network.DialFrom(netip.MustParseAddr("10.0.0.2"))(t.Context(), a.Addrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	done := make(chan result, 1)
	go func() {
		c, err := a.Connect(t.Context(), scriptedSays)
		done <- result{c, err}
	}()
	return &scripted{t, conn, a.Description()}, done
}

func TestDataBeforeTheNominationIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, done := meetScripted(t)
		s.check(1, false)
		s.write([]byte("\x00\x03abc"))
		s.check(2, true)
		r := <-done
		if r.err != nil {
			t.Fatal(r.err)
		}
		defer r.conn.Close()
		large := append([]byte{0xff, 0xff}, bytes.Repeat([]byte("x"), wire.MaxFrame)...)
		go s.conn.Write(append([]byte("\x00\x03def"), large...))
		got := make([]byte, 6+wire.MaxFrame)
		if _, err := io.ReadFull(r.conn, got); err != nil {
			t.Fatal(err)
		}
		if string(got[:7]) != "abcdefx" {
			t.Errorf("read %q…", got[:7])
		}
	})
}

func TestTooMuchDataBeforeTheNomination(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, done := meetScripted(t)
		s.check(1, false)
		go io.Copy(io.Discard, s.conn) // our own check
		chunk := append([]byte{0x40, 0}, make([]byte, 0x4000)...)
		sent := 0
		for {
			if _, err := s.conn.Write(chunk); err != nil {
				break
			}
			if sent += len(chunk); sent > 1<<20 {
				t.Fatal("took a megabyte before the nomination")
			}
		}
		if r := <-done; r.err == nil {
			r.conn.Close()
			t.Error("connected")
		}
	})
}

func TestChecksAreAnsweredWithinTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, done := meetScripted(t)
		s.check(1, true)
		r := <-done
		if r.err != nil {
			t.Fatal(r.err)
		}
		defer r.conn.Close()
		go io.Copy(io.Discard, r.conn)
		s.check(2, false)
		// A peer that sends checks and reads no answer costs no memory, and the
		// stream goes on.
		r2 := &wire.Request{Username: s.peer.Ufrag + ":" + scriptedSays.Ufrag, Priority: 1, Controlling: true}
		flood := wire.AppendRequest(nil, wire.TransactionID{3}, r2, s.peer.Password)
		for range 1000 {
			s.write(flood)
		}
		go r.conn.Write([]byte("abc"))
		answers := 0
		for {
			p := s.read()
			if string(p) == "abc" {
				break
			}
			answers++
		}
		if answers > 100 {
			t.Errorf("%d answers were waiting", answers)
		}
	})
}
