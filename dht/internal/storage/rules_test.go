package storage

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"math/big"
	"net/netip"
	"testing"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/internal/msgpack"
)

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
