// Package ratelimit bounds the requests that a node serves, per origin and in all
// (opendht spec 7.4).
package ratelimit

import (
	"net/netip"
	"time"
)

// Config sets the limits. The zero Config holds the defaults.
type Config struct {
	PerOrigin int  // requests per second from one IPv4 address or IPv6 /64; 0 means 1024
	Total     int  // requests per second from all; 0 means 8192
	Off       bool // allow everything
}

// Limiter tells which requests to serve. Its memory is fixed: when more origins
// are active than it has places for, those that came nearest to their limit are
// kept, and the limit in all holds in any case.
//
// A Limiter is not safe for concurrent use.
type Limiter struct {
	off       bool
	perOrigin rate
	total     rate
	all       bucket
	origins   [sets][ways]entry
	start     time.Time // of the first call; buckets count from it
}

type entry struct {
	origin Origin
	bucket bucket
}

// New returns a limiter.
func New(cfg Config) *Limiter {
	if cfg.PerOrigin <= 0 {
		cfg.PerOrigin = defaultPerOrigin
	}
	if cfg.Total <= 0 {
		cfg.Total = defaultTotal
	}
	return &Limiter{off: cfg.Off, perOrigin: newRate(cfg.PerOrigin), total: newRate(cfg.Total)}
}

// Allow reports whether to serve a request that addr sends now, and counts it if
// so. A request over the limit of its origin costs the others nothing.
func (l *Limiter) Allow(now time.Time, addr netip.Addr) bool {
	if l.off {
		return true
	}
	if l.start.IsZero() {
		l.start = now
	}
	t := now.Sub(l.start)
	own := l.find(OriginOf(addr))
	if !own.room(t, l.perOrigin) || !l.all.room(t, l.total) {
		return false
	}
	own.take(t, l.perOrigin)
	l.all.take(t, l.total)
	return true
}

// find returns the bucket of origin, in place of the emptiest one of its set where
// it has none yet.
func (l *Limiter) find(origin Origin) *bucket {
	// Fibonacci hashing. Who crafts collisions only makes the limiter forget.
	set := &l.origins[uint64(origin)*0x9e3779b97f4a7c15>>(64-setBits)]
	least := &set[0]
	for i := range set {
		e := &set[i]
		if e.origin == origin {
			return &e.bucket
		}
		if e.bucket < least.bucket {
			least = e
		}
	}
	*least = entry{origin: origin}
	return &least.bucket
}

// rate is a number of requests per second.
type rate struct {
	cost time.Duration // time that one request uses up
	most time.Duration // time that a second's requests use up but for the last one
}

func newRate(perSecond int) rate {
	cost := time.Second / time.Duration(perSecond)
	return rate{cost: cost, most: cost * time.Duration(perSecond-1)}
}

// bucket is a leaky bucket: the time at which all that it has let through is used
// up. One that has been idle for a second lets a second's requests through at once.
type bucket time.Duration

// room reports whether there is room for one more request at t.
func (b *bucket) room(t time.Duration, r rate) bool {
	ahead := time.Duration(*b) - t
	// A bucket that is ahead of the clock by more than it can hold has seen the
	// clock step back.
	return ahead <= r.most || ahead > r.most+r.cost
}

func (b *bucket) take(t time.Duration, r rate) {
	used := time.Duration(*b)
	if used < t || used > t+r.most {
		used = t
	}
	*b = bucket(used + r.cost)
}
