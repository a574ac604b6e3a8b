package contact

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"rollcall/dht/infohash"
)

// Mode decides what becomes of requests from strangers (threat A6).
type Mode uint8

// The modes. They do not concern whom the policy approves of.
const (
	Everyone     Mode = iota // shown, quietly when there are many
	Quietly                  // kept, but without asking for attention
	ApprovedOnly             // dropped
)

func (m Mode) String() string {
	return [...]string{"everyone", "quietly", "approved-only"}[m]
}

// Policy decides which requests ask for attention. The zero Policy shows
// everyone's.
type Policy struct {
	Mode    Mode
	Allowed []infohash.Hash // accounts that are no strangers
	// Codes are invite codes of at least 16 bytes. Whoever has one anywhere in
	// the payload is no stranger, and the code is used up.
	Codes []string
}

// Validate returns all mistakes of the policy at once.
func (p Policy) Validate() error {
	var errs []error
	if p.Mode > ApprovedOnly {
		errs = append(errs, fmt.Errorf("contact: policy: mode %d, want 0 to %d", p.Mode, ApprovedOnly))
	}
	if n := len(p.Allowed) + len(p.Codes); n > maxPolicyEntries {
		errs = append(errs, fmt.Errorf("contact: policy: %d accounts and codes, want at most %d", n, maxPolicyEntries))
	}
	for _, code := range p.Codes {
		if len(code) < minCode {
			errs = append(errs, fmt.Errorf("contact: policy: invite code %q has %d bytes, want at least %d", code, len(code), minCode))
		}
	}
	return errors.Join(errs...)
}

// approve reports whether the sender of a request is approved, and by which
// invite code if by one.
func (p *Policy) approve(from infohash.Hash, payload []byte) (ok bool, code string) {
	if slices.Contains(p.Allowed, from) {
		return true, ""
	}
	for _, code := range p.Codes {
		if bytes.Contains(payload, []byte(code)) {
			return true, code
		}
	}
	return false, ""
}

// use takes an invite code out of the policy.
func (p *Policy) use(code string) {
	codes := slices.Clone(p.Codes)
	p.Codes = slices.DeleteFunc(codes, func(c string) bool { return c == code })
}

// Policy returns the policy in force. Its slices are shared and must not be
// changed.
func (l *List) Policy() Policy { return l.policy }

// SetPolicy replaces the policy, for requests that arrive from now on.
func (l *List) SetPolicy(p Policy) error {
	if err := p.Validate(); err != nil {
		return err
	}
	l.policy = Policy{p.Mode, slices.Clone(p.Allowed), slices.Clone(p.Codes)}
	l.emit(SavePolicy{l.policy})
	return nil
}
