package peer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/ice"
	"rollcall/identity"
)

// secured is a stream with a device that has proved who it is.
type secured struct {
	stream  *tls.Conn
	client  bool
	chain   identity.Chain
	info    Info
	release func()
}

// expected is who must be at the other end.
type expected struct {
	device  value.LongID
	account infohash.Hash
}

// secure makes a connection that ICE has found a private one, with the device
// that is expected or not at all. The side that is controlling is the client
// (peer spec 3). It closes the connection when it fails.
func (p *Peers) secure(ctx context.Context, conn *ice.Conn, want expected) (*secured, error) {
	s := &secured{client: conn.Controlling()}
	var refused error
	config := &tls.Config{
		Certificates: []tls.Certificate{{Certificate: p.cfg.Device.Chain().DER(), PrivateKey: p.cfg.Device}},
		MinVersion:   tls.VersionTLS12,
		ClientAuth:   tls.RequireAnyClientCert,
		// Names mean nothing here, and neither does any authority but the account
		// itself: identify decides.
		InsecureSkipVerify: true,
		VerifyPeerCertificate: func(raw [][]byte, _ [][]*x509.Certificate) error {
			s.chain, refused = p.identify(raw, want)
			return refused
		},
		SessionTicketsDisabled: true,
	}
	if s.client {
		// The curve that servers of peers choose: with a share of another they
		// would ask for this one, which takes a round trip.
		config.CurvePreferences = []tls.CurveID{tls.CurveP384}
		s.stream = tls.Client(conn, config)
	} else {
		s.stream = tls.Server(conn, config)
	}
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	if err := s.stream.HandshakeContext(ctx); err != nil {
		conn.Close()
		if refused != nil {
			return nil, refused
		}
		return nil, fmt.Errorf("%w: %w", errHandshake, err)
	}
	local, remote := conn.Addrs()
	ours, theirs := conn.Pair()
	s.info = Info{
		Account: want.account, Device: want.device,
		Local: local, Remote: remote, Relayed: conn.Relayed(), Ours: ours, Theirs: theirs,
		Since: time.Now(), Cipher: tls.CipherSuiteName(s.stream.ConnectionState().CipherSuite),
	}
	return s, nil
}

// identify checks the certificates that a peer has shown: the device is the one
// expected, and its chain leads to the account that is expected, which has not
// revoked it (peer spec 3.1).
func (p *Peers) identify(raw [][]byte, want expected) (identity.Chain, error) {
	if len(raw) < 2 || len(raw) > value.MaxChainLength {
		return nil, fmt.Errorf("%w: a chain of %d certificates", errUntrusted, len(raw))
	}
	chain := make(identity.Chain, len(raw))
	for i, der := range raw {
		certificate, err := identity.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errUntrusted, err)
		}
		chain[i] = certificate
	}
	if got := chain.Leaf().LongID(); got != want.device {
		return nil, fmt.Errorf("%w: device %v, want %v", errUntrusted, got, want.device)
	}
	account, err := p.cfg.Verify(chain)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUntrusted, err)
	}
	if account != want.account {
		return nil, fmt.Errorf("%w: device of account %v, want %v", errUntrusted, account, want.account)
	}
	return chain, nil
}

// Why there is no connection.
var (
	errAbandoned  = errors.New("peer: not wanted any more, or not answered in time")
	errUnanswered = errors.New("peer: not asked")
	errUnwelcome  = errors.New("peer: not welcome")
	errCrowded    = errors.New("peer: too many connections with one account")
	errUnproven   = errors.New("peer: it is not known who asks")
	errTreated    = errors.New("peer: treated before")
	errNoWay      = errors.New("peer: no way through")
	errUntrusted  = errors.New("peer: not the device that was expected")
	errHandshake  = errors.New("peer: no TLS")
)
