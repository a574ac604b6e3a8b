package storage

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"math/big"
	"net/netip"
	"testing"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/value"
)

var (
	start = time.Unix(1_700_000_000, 0)
	key   = infohash.SumString("key")
	alice = netip.MustParseAddrPort("192.0.2.1:4222")
	bob   = netip.MustParseAddrPort("198.51.100.1:4222")
)

func newStore() *Store { return New(Config{}, new(value.Types)) }

// spki returns a well-formed RSA key that belongs to nobody.
func spki(owner byte) []byte {
	n := new(big.Int).Lsh(big.NewInt(1), 2047)
	n.SetBit(n, 0, 1)
	n.Or(n, big.NewInt(int64(owner)<<8))
	der, err := x509.MarshalPKIXPublicKey(&rsa.PublicKey{N: n, E: 65537})
	if err != nil {
		panic(err)
	}
	return der
}

func plain(id uint64, data string) *value.Value { return &value.Value{ID: id, Data: []byte(data)} }

func typed(id uint64, typ value.TypeID, data []byte) *value.Value {
	return &value.Value{ID: id, Type: typ, Data: data}
}

func signed(id uint64, owner byte, seq uint16, data string) *value.Value {
	return &value.Value{ID: id, Owner: spki(owner), Seq: seq, Data: []byte(data), Signature: []byte("signature of " + data)}
}

func encrypted(id uint64, cypher string) *value.Value {
	return &value.Value{ID: id, Cypher: []byte(cypher)}
}

func message(service string) []byte {
	return value.Message{Service: service, Data: []byte("data")}.Append(nil)
}

func service(addr string) []byte {
	return value.Service{Addr: netip.MustParseAddrPort(addr)}.Append(nil)
}

// put stores v under key, with a good signature if it needs one.
func put(t testing.TB, s *Store, now time.Time, p Put) {
	t.Helper()
	if got := s.Commit(now, p); got != Accepted {
		t.Fatalf("commit: %v", got)
	}
}

// get returns the values under key that match q.
func get(t testing.TB, s *Store, now time.Time, key infohash.Hash, q *value.Query) (values []*value.Value) {
	t.Helper()
	s.Each(now, key, q, func(x Item) bool {
		v, err := value.Parse(bytes.Clone(x.Packed))
		if err != nil || v.ID != x.ID {
			t.Fatalf("value %d: %v, %v", x.ID, v, err)
		}
		values = append(values, v)
		return true
	})
	return values
}

// item returns the value of the given id, and whether it is stored.
func item(s *Store, now time.Time, key infohash.Hash, id uint64) (found Item, ok bool) {
	q := value.Query{Where: []value.Condition{value.WhereID(id)}}
	s.Each(now, key, &q, func(x Item) bool {
		found, ok = x, true
		return true
	})
	return found, ok
}
