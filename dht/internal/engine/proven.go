package engine

import (
	"net/netip"
	"time"
)

// proven remembers the addresses that have shown that they receive what is sent
// to them, by an answer or by a token of ours: only those get more than one
// datagram for a request, whose source anybody can forge.
//
// Two generations of addresses make forgetting cheap: the older one is dropped
// when the younger one is full or over.
type proven struct {
	young, old map[netip.AddrPort]*allowance
	turned     time.Time
}

// allowance is what one address may still receive in large answers.
type allowance struct {
	bytes int
	at    time.Time
}

func (p *proven) init(now time.Time) {
	p.young = make(map[netip.AddrPort]*allowance)
	p.turned = now
}

func (p *proven) turn(now time.Time) {
	if now.Sub(p.turned) < provenLife && len(p.young) < maxProven {
		return
	}
	p.old, p.young = p.young, make(map[netip.AddrPort]*allowance)
	p.turned = now
}

// add remembers addr.
func (p *proven) add(now time.Time, addr netip.AddrPort) {
	p.turn(now)
	if _, ok := p.young[addr]; ok {
		return
	}
	a := p.old[addr]
	if a == nil {
		a = &allowance{bytes: answerBurst, at: now}
	}
	p.young[addr] = a
}

func (p *proven) find(addr netip.AddrPort) *allowance {
	if a := p.young[addr]; a != nil {
		return a
	}
	return p.old[addr]
}

// has reports whether addr is remembered.
func (p *proven) has(now time.Time, addr netip.AddrPort) bool {
	p.turn(now)
	return p.find(addr) != nil
}

// spend takes n bytes from what addr may receive, and reports whether it had
// them left.
func (p *proven) spend(now time.Time, addr netip.AddrPort, n int) bool {
	p.add(now, addr)
	a := p.find(addr)
	a.bytes = min(answerBurst, a.bytes+int(now.Sub(a.at).Seconds()*answerRate))
	a.at = now
	if a.bytes < n {
		return false
	}
	a.bytes -= n
	return true
}
