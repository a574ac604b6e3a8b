package storage

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"math/big"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/internal/msgpack"
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

// TestStoreRules has a row for each store rule of opendht spec 4.4 and 6.2.
func TestStoreRules(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: start.AddDate(10, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	short, long := value.CertificateKeys(public)
	certificate := typed(1, value.TypeCertificate, msgpack.AppendBin(nil, der))
	huge := string(make([]byte, value.MaxDataSize+1))
	unregistered := signed(1, 1, 0, "x")
	unregistered.Type = 99

	const day = 24 * time.Hour
	tests := []struct {
		name    string
		key     infohash.Hash
		value   *value.Value
		created time.Duration // relative to now
		want    Verdict
		life    time.Duration // from now on
	}{
		{"user data", key, plain(1, "x"), 0, Accepted, 10 * time.Minute},
		{"user data, signed", key, signed(1, 1, 0, "x"), 0, NeedsCheck, 10 * time.Minute},
		{"empty", key, plain(1, ""), 0, Accepted, 10 * time.Minute},
		{"encrypted", key, encrypted(1, "x"), 0, Accepted, 10 * time.Minute},
		{"largest", key, plain(1, huge[1:]), 0, Accepted, 10 * time.Minute},
		{"too large", key, plain(1, huge), 0, Rejected, 0},
		{"signed, larger than what may be packed", key, signed(1, 1, 0, huge), 0, NeedsCheck, 0},
		{"message", key, typed(1, value.TypeMessage, message("chat")), 0, Accepted, 5 * time.Minute},
		{"message without service", key, typed(1, value.TypeMessage, message("")), 0, Rejected, 0},
		{"message, malformed", key, typed(1, value.TypeMessage, []byte("x")), 0, Rejected, 0},
		{"service", key, typed(1, value.TypeService, service("10.0.0.1:80")), 0, Accepted, 15 * time.Minute},
		{"service without port", key, typed(1, value.TypeService, service("10.0.0.1:0")), 0, Rejected, 0},
		{"instant message", key, typed(1, value.TypeIM, []byte("x")), 0, Accepted, 5 * time.Minute},
		{"trust request", key, typed(1, value.TypeTrustRequest, []byte("x")), 0, Accepted, 7 * day},
		{"candidates", key, typed(1, value.TypeICE, []byte("x")), 0, Accepted, time.Minute},
		{"certificate at its key", short, certificate, 0, Accepted, 7 * day},
		{"certificate at its long key", long, certificate, 0, Accepted, 7 * day},
		{"certificate elsewhere", key, certificate, 0, Rejected, 0},
		{"certificate, malformed", key, typed(1, value.TypeCertificate, []byte("x")), 0, Rejected, 0},
		{"unregistered type", key, typed(1, 99, []byte("x")), 0, Accepted, 10 * time.Minute},
		{"unregistered type, signed", key, unregistered, 0, Accepted, 10 * time.Minute},
		{"created before", key, plain(1, "x"), -9 * time.Minute, Accepted, time.Minute},
		{"created in the future", key, plain(1, "x"), time.Hour, Accepted, 10 * time.Minute},
		{"at its end", key, plain(1, "x"), -10 * time.Minute, Rejected, 0},
		{"an instant before", key, plain(1, "x"), -10*time.Minute + 1, Accepted, 1},
		{"long over", key, signed(1, 1, 0, "x"), -time.Hour, Rejected, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newStore()
			p := Put{Key: tt.key, Value: tt.value, Created: start.Add(tt.created), From: alice}
			if got := s.Classify(start, p); got != tt.want {
				t.Fatalf("verdict %v, want %v", got, tt.want)
			}
			if got := s.Stats(); got.Values != 0 {
				t.Fatal("Classify has stored something")
			}
			want := Accepted
			if tt.life == 0 {
				want = Rejected
			}
			if got := s.Commit(start, p); got != want {
				t.Fatalf("commit: %v, want %v", got, want)
			}
			check(t, s)
			x, ok := item(s, start, tt.key, tt.value.ID)
			if ok != (want == Accepted) {
				t.Fatalf("stored: %v", ok)
			}
			if !ok {
				return
			}
			if got := x.Expires().Sub(start); got != tt.life {
				t.Errorf("lives for %v, want %v", got, tt.life)
			}
			if want := start.Add(min(tt.created, 0)); !x.Created().Equal(want) {
				t.Errorf("created %v, want %v", x.Created(), want)
			}
			if x.From() != alice.Addr() || x.Own() {
				t.Errorf("from %v, own: %v", x.From(), x.Own())
			}
			if got := s.NextDeadline(); !got.Equal(start.Add(tt.life)) {
				t.Errorf("deadline %v", got)
			}
		})
	}
}

// TestEditRules has a row for each edit rule of opendht spec 4.5.
func TestEditRules(t *testing.T) {
	otherSignature := signed(1, 1, 1, "x")
	otherSignature.Signature = []byte("another")
	tests := []struct {
		name             string
		stored, incoming *value.Value
		want             Verdict
	}{
		{"equal", plain(1, "x"), plain(1, "x"), Repeated},
		{"unsigned", plain(1, "x"), plain(1, "y"), Rejected},
		{"unsigned by signed", plain(1, "x"), signed(1, 1, 1, "y"), Rejected},
		{"signed by unsigned", signed(1, 1, 1, "x"), plain(1, "y"), Rejected},
		{"signed, equal", signed(1, 1, 1, "x"), signed(1, 1, 1, "x"), Repeated},
		{"signed, higher", signed(1, 1, 1, "x"), signed(1, 1, 2, "y"), NeedsCheck},
		{"signed, lower", signed(1, 1, 1, "x"), signed(1, 1, 0, "y"), Rejected},
		{"signed, same seq", signed(1, 1, 1, "x"), signed(1, 1, 1, "y"), Rejected},
		{"signed, same seq and body", signed(1, 1, 1, "x"), otherSignature, NeedsCheck},
		{"signed, another owner", signed(1, 1, 1, "x"), signed(1, 2, 2, "y"), Rejected},
		{"encrypted, equal", encrypted(1, "x"), encrypted(1, "x"), Repeated},
		{"encrypted", encrypted(1, "x"), encrypted(1, "y"), Rejected},
		{"unregistered type", typed(1, 99, []byte("x")), typed(1, 99, []byte("y")), Rejected},
		{"service again", typed(1, value.TypeService, service("10.0.0.1:80")), typed(1, value.TypeService, service("10.9.9.9:80")), Repeated},
		{"service", typed(1, value.TypeService, service("10.0.0.1:80")), typed(1, value.TypeService, service("10.0.0.1:81")), Rejected},
		{"another id", plain(1, "x"), plain(2, "y"), Accepted},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newStore()
			put(t, s, start, Put{Key: key, Value: tt.stored, From: alice})
			put(t, s, start, Put{Key: infohash.SumString("other"), Value: plain(1, "bystander"), From: alice})
			later := start.Add(time.Minute)
			p := Put{Key: key, Value: tt.incoming, From: alice}
			if got := s.Classify(later, p); got != tt.want {
				t.Fatalf("verdict %v, want %v", got, tt.want)
			}
			before := get(t, s, later, key, nil)[0]
			s.Commit(later, p)
			check(t, s)
			x, _ := item(s, later, key, tt.incoming.ID)
			want := before
			if tt.want == NeedsCheck || tt.want == Accepted {
				want = tt.incoming
			}
			if !bytes.Equal(x.Packed, want.Append(nil)) {
				t.Errorf("stored %x", x.Packed)
			}
			life := x.store.life(want)
			if tt.want == Rejected {
				life -= time.Minute
			}
			if got := x.Expires().Sub(later); got != life {
				t.Errorf("lives for %v more, want %v", got, life)
			}
		})
	}
}

func TestServiceNamesSender(t *testing.T) {
	s := newStore()
	put(t, s, start, Put{Key: key, Value: typed(1, value.TypeService, service("10.0.0.1:80")), From: alice})
	got, err := value.ParseService(get(t, s, start, key, nil)[0].Data)
	if want := netip.AddrPortFrom(alice.Addr(), 80); err != nil || got.Addr != want {
		t.Errorf("stored %v, %v, want %v", got, err, want)
	}
}

// TestLeaseIsNotExtendedByRepeats puts the same value with the same creation
// time again, as a sender does that has missed the acknowledgement.
func TestLeaseIsNotExtendedByRepeats(t *testing.T) {
	s := newStore()
	p := Put{Key: key, Value: plain(1, "x"), Created: start.Add(-9 * time.Minute), From: alice}
	put(t, s, start, p)
	later := start.Add(30 * time.Second)
	if got := s.Commit(later, p); got != Repeated {
		t.Fatal(got)
	}
	p.Created = p.Created.Add(-time.Second)
	if got := s.Commit(later, p); got != Repeated {
		t.Fatal(got)
	}
	if x, _ := item(s, later, key, 1); !x.Expires().Equal(start.Add(time.Minute)) {
		t.Errorf("expires %v after its end", x.Expires().Sub(start.Add(time.Minute)))
	}
}

// TestCommitLooksAgain changes the stored value between Classify and Commit.
func TestCommitLooksAgain(t *testing.T) {
	s := newStore()
	old := Put{Key: key, Value: signed(1, 1, 1, "old"), From: alice}
	if got := s.Classify(start, old); got != NeedsCheck {
		t.Fatal(got)
	}
	put(t, s, start, Put{Key: key, Value: signed(1, 1, 2, "new"), From: alice})
	if got := s.Commit(start, old); got != Rejected {
		t.Errorf("an edit that came too late: %v", got)
	}
	if got := get(t, s, start, key, nil); len(got) != 1 || string(got[0].Data) != "new" {
		t.Errorf("stored %v", got)
	}
	late := start.Add(10 * time.Minute)
	if got := s.Commit(late, Put{Key: key, Value: plain(1, "unrelated"), From: alice}); got != Accepted {
		t.Errorf("the id of an expired value: %v", got)
	}
}

func TestRefresh(t *testing.T) {
	s := newStore()
	if s.Refresh(start, key, 1) {
		t.Error("refreshed where nothing is stored")
	}
	s.Watch(start, key, value.Query{})
	if s.Refresh(start, key, 1) {
		t.Error("refreshed where only a listener is")
	}
	put(t, s, start, Put{Key: key, Value: plain(1, "x"), Created: start.Add(-5 * time.Minute), From: alice})
	later := start.Add(time.Minute)
	if !s.Refresh(later, key, 1) || !s.Refresh(later, key, 2) {
		t.Error("refused where something is stored")
	}
	x, _ := item(s, later, key, 1)
	if !x.Created().Equal(later) || !x.Expires().Equal(later.Add(10*time.Minute)) {
		t.Errorf("created %v, expires %v", x.Created(), x.Expires())
	}
	check(t, s)
}

func TestOwnValues(t *testing.T) {
	s := newStore()
	put(t, s, start, Put{Key: key, Value: plain(1, "lasting"), Own: true, Permanent: true})
	put(t, s, start, Put{Key: key, Value: plain(2, "passing"), Own: true})
	put(t, s, start, Put{Key: key, Value: plain(3, "taken over"), From: alice})
	put(t, s, start, Put{Key: key, Value: signed(4, 1, 0, "signed"), Own: true, Permanent: true})
	if got := s.Commit(start, Put{Key: key, Value: plain(3, "taken over"), Own: true, Permanent: true}); got != Repeated {
		t.Errorf("own put of what another has put: %v", got)
	}
	if got := s.Stats().Bytes; got != 0 {
		t.Errorf("own values take %d bytes of what others may", got)
	}
	s.Refresh(start.Add(time.Minute), key, 1)
	later := start.Add(365 * 24 * time.Hour)
	for !s.NextDeadline().IsZero() {
		s.Tick(later)
	}
	var ids []uint64
	for _, v := range get(t, s, later, key, nil) {
		ids = append(ids, v.ID)
	}
	if len(ids) != 3 || ids[0] != 1 || ids[1] != 3 || ids[2] != 4 {
		t.Errorf("after a year: %v", ids)
	}
	if x, _ := item(s, later, key, 3); !x.Own() || x.From().IsValid() || !x.Expires().IsZero() || !x.Created().IsZero() {
		t.Error("not an own permanent value")
	}
	if !s.Remove(later, key, 1) || s.Remove(later, key, 1) {
		t.Error("removed once and only once: no")
	}
	// An edit by the same owner, from elsewhere, is another's value.
	put(t, s, later, Put{Key: key, Value: signed(4, 1, 1, "edited"), From: bob})
	if x, _ := item(s, later, key, 4); x.Own() || x.From() != bob.Addr() {
		t.Error("an edit from elsewhere counts as own")
	}
	check(t, s)
}

func TestExpiresToTheInstant(t *testing.T) {
	s := newStore()
	s.Watch(start, key, value.Query{})
	lease := 1234567891 * time.Nanosecond
	put(t, s, start, Put{Key: key, Value: plain(1, "x"), Created: start.Add(lease - 10*time.Minute), From: alice})
	drainPushes(s)
	end := start.Add(lease)
	if !s.NextDeadline().Equal(end) {
		t.Fatalf("deadline %v, want %v", s.NextDeadline(), end)
	}
	s.Tick(end.Add(-1))
	if len(get(t, s, end.Add(-1), key, nil)) != 1 || len(drainPushes(s)) != 0 {
		t.Error("expired too early")
	}
	if len(get(t, s, end, key, nil)) != 0 {
		t.Error("answered with after its end")
	}
	s.Tick(end)
	if got := drainPushes(s); len(got) != 1 || len(got[0].Expired) != 1 || got[0].Expired[0] != 1 {
		t.Errorf("pushes at the end: %v", got)
	}
	if got := s.Stats(); got.Keys != 1 || got.Values != 0 {
		t.Errorf("%+v", got)
	}
}

func TestTickIsBounded(t *testing.T) {
	s := newStore()
	const n = 3*expiriesPerTick + 1
	for i := range uint64(n) {
		put(t, s, start, Put{Key: key, Value: plain(i+1, "x"), From: alice})
	}
	end := start.Add(10 * time.Minute)
	ticks := 0
	for ; !s.NextDeadline().IsZero(); ticks++ {
		s.Tick(end)
	}
	if ticks != 4 || s.Stats().Expired != n {
		t.Errorf("%d ticks, %+v", ticks, s.Stats())
	}
	if got := s.Stats(); got.Keys != 0 || got.Bytes != 0 {
		t.Errorf("left over: %+v", got)
	}
}

func TestQueries(t *testing.T) {
	s := newStore()
	text := plain(3, "x")
	text.UserType = "text/plain"
	for _, v := range []*value.Value{plain(1, "x"), signed(2, 7, 5, "x"), text, encrypted(4, "x"), typed(5, value.TypeICE, []byte("x"))} {
		put(t, s, start, Put{Key: key, Value: v, From: alice})
	}
	where := func(c ...value.Condition) *value.Query { return &value.Query{Where: c} }
	tests := []struct {
		name  string
		query *value.Query
		ids   []uint64
	}{
		{"nil", nil, []uint64{1, 2, 3, 4, 5}},
		{"all", &value.Query{}, []uint64{1, 2, 3, 4, 5}},
		{"id", where(value.WhereID(2)), []uint64{2}},
		{"id that is not there", where(value.WhereID(9)), nil},
		{"id and type", where(value.WhereType(value.TypeICE), value.WhereID(5)), []uint64{5}},
		{"id and another type", where(value.WhereID(4), value.WhereType(value.TypeICE)), nil},
		{"two ids", where(value.WhereID(1), value.WhereID(2)), nil},
		{"type", where(value.WhereType(value.TypeICE)), []uint64{5}},
		{"type 0", where(value.WhereType(0)), []uint64{1, 2, 3, 4}},
		{"owner", where(value.WhereOwner(value.KeyID(spki(7)))), []uint64{2}},
		{"user type", where(value.WhereUserType("text/plain")), []uint64{3}},
	}
	for _, tt := range tests {
		var ids []uint64
		for _, v := range get(t, s, start, key, tt.query) {
			ids = append(ids, v.ID)
		}
		if !slices.Equal(ids, tt.ids) {
			t.Errorf("%s: %v, want %v", tt.name, ids, tt.ids)
		}
		for _, fields := range [][]value.Field{{value.FieldID}, {value.FieldID, value.FieldSeq}} {
			q := value.Query{Select: fields}
			if tt.query != nil {
				q.Where = tt.query.Where
			}
			b := s.AppendFields([]byte("prefix"), start, key, &q)
			b, ok := bytes.CutPrefix(b, []byte("prefix"))
			if len(tt.ids) == 0 {
				if !ok || len(b) != 0 {
					t.Errorf("%s: fields of nothing: %x", tt.name, b)
				}
				continue
			}
			got, err := value.ParseFields(b)
			if err != nil {
				t.Fatal(err)
			}
			ids = ids[:0]
			for _, x := range got {
				ids = append(ids, x.ID)
				if want := len(fields) == 2 && x.ID == 2; (x.Seq == 5) != want {
					t.Errorf("%s: seq %d of %d", tt.name, x.Seq, x.ID)
				}
			}
			if !slices.Equal(ids, tt.ids) {
				t.Errorf("%s: fields of %v, want %v", tt.name, ids, tt.ids)
			}
		}
	}
	n := 0
	s.Each(start, key, nil, func(Item) bool { n++; return n < 2 })
	if n != 2 {
		t.Errorf("went on for %d values, want 2", n)
	}
}

func TestKeysAndAll(t *testing.T) {
	s := newStore()
	want := make(map[infohash.Hash]int)
	for i := range 100 {
		k := infohash.SumString(strings.Repeat("k", i))
		for id := range i % 4 {
			put(t, s, start, Put{Key: k, Value: plain(uint64(id+1), "x"), From: alice})
			want[k]++
		}
		s.Watch(start, infohash.SumString(strings.Repeat("w", i+1)), value.Query{})
	}
	got := make(map[infohash.Hash]int)
	for k, x := range s.All(start) {
		got[k]++
		if x.From() != alice.Addr() {
			t.Errorf("from %v", x.From())
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d keys, want %d", len(got), len(want))
	}
	for k, n := range want {
		if got[k] != n {
			t.Errorf("key %s: %d values, want %d", k.Short(), got[k], n)
		}
	}
	for range s.All(start) {
		break
	}
	for range s.All(start.Add(time.Hour)) {
		t.Fatal("expired values are listed")
	}
	var keys []infohash.Hash
	rounds := 0
	for at := Cursor(0); ; rounds++ {
		before := len(keys)
		if keys, at = s.Keys(keys, at, 7); len(keys) > before+7 {
			t.Fatal("too many at once")
		}
		if at == 0 {
			break
		}
	}
	if len(keys) != len(want) || rounds < 10 {
		t.Errorf("%d keys in %d rounds, want %d", len(keys), rounds, len(want))
	}
	for _, k := range keys {
		if want[k] == 0 {
			t.Errorf("key %s has no values or came twice", k.Short())
		}
		delete(want, k)
	}
}
