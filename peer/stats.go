package peer

// Stats counts what became of requests and attempts.
type Stats struct {
	Asked     uint64 // attempts of ours
	Answered  uint64 // requests of others that we answered
	Connected uint64 // connections that stood

	// Requests of others that were passed over.
	Malformed uint64 // not a request
	Repeated  uint64 // treated before
	Crowded   uint64 // too many at a time
	Unproven  uint64 // without a certificate that leads to an account
	Unwelcome uint64 // by the standing of their account

	// Attempts and answers that came to nothing.
	Unanswered  uint64 // no answer, or no network to ask on
	Unreachable uint64 // no way through
	Untrusted   uint64 // another device at the other end than expected, or revoked
	Handshake   uint64 // no TLS
}

// Stats returns the counts so far.
func (p *Peers) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stats
}

// count raises one of the counts.
func (p *Peers) count(which func(*Stats) *uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	*which(&p.stats)++
}
