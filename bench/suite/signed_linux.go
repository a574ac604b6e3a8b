package suite

import (
	"fmt"
	"time"

	"rollcall/bench/load"
	"rollcall/bench/udp"
	"rollcall/bench/wire"
)

// owners is how many keys sign the values of one pool in turn.
const owners = 4

// signedPool is different signed values of one key size.
type signedPool struct{ values [][]byte }

// pool returns n signed values, made once for all rounds and programs.
func (s *Suite) pool(bits int) (*signedPool, error) {
	if p := s.signed[bits]; p != nil {
		return p, nil
	}
	s.Log.Info("signing", "values", s.Signed, "bits", bits)
	p := &signedPool{}
	var signers []*wire.Signer
	for range owners {
		signer, err := wire.NewSigner(bits)
		if err != nil {
			return nil, err
		}
		signers = append(signers, signer)
	}
	for i := range s.Signed {
		id := scatter(uint64(i))
		v, err := signers[i%owners].Value(append(content(44), id[:]...))
		if err != nil {
			return nil, err
		}
		p.values = append(p.values, v)
	}
	s.signed[bits] = p
	return p, nil
}

// putSigned puts signed values: each once, or a few of them under ever new ids as
// a device does that renews its announcement.
func putSigned(bits int, repeated bool) func(*Suite, *load.Session) (*load.Workload, error) {
	return func(suite *Suite, s *load.Session) (*load.Workload, error) {
		pool, err := suite.pool(bits)
		if err != nil {
			return nil, err
		}
		values, limit := pool.values, len(pool.values)
		if repeated {
			values, limit = values[:min(repeatedValues, len(values))], repeatedLimit
		}
		var puts []*wire.Put
		for _, v := range values {
			put := wire.NewPut(s.Token, v, time.Now().Unix())
			if put.Datagrams() > load.MaxDatagrams {
				return nil, fmt.Errorf("signed value of %d bytes is too large", len(v))
			}
			puts = append(puts, put)
		}
		f := wire.Fields{Node: s.ID}
		return &load.Workload{Datagrams: 1, Limit: limit, Queue: func(c *udp.Conn, seq int, tid uint32) {
			i := seq % len(puts)
			f.TID, f.Key, f.ValueID = tid, scatter(uint64(i)), uint64(seq)
			for part := range puts[i].Datagrams() {
				c.Queue(puts[i].Append(c.Buffer(), part, &f))
			}
		}}, nil
	}
}
