package identity

import (
	"errors"
	"strings"
	"testing"

	"rollcall/dht/infohash"
)

func TestParseURI(t *testing.T) {
	upper := strings.ToUpper(vectorAccount)
	for _, s := range []string{
		vectorAccount,
		upper,
		"jami:" + vectorAccount,
		"ring:" + vectorAccount,
		"RING:" + upper,
		"Jami:" + vectorAccount + "@ring.dht",
		vectorAccount + "@",
		"ring:" + vectorAccount + ">",
		vectorAccount + ">;tag=1@x",
	} {
		id, err := ParseURI(s)
		if err != nil || id.String() != vectorAccount {
			t.Errorf("ParseURI(%q) = %v, %v", s, id, err)
		}
	}
	for _, s := range []string{
		"",
		"jami:",
		"xyz",
		"sip:" + vectorAccount,
		"jami:ring:" + vectorAccount,
		vectorAccount[:38],
		vectorAccount + "0",
		" " + vectorAccount,
		vectorAccount + " ",
		"name@" + vectorAccount,
		strings.Repeat("g", 40),
		strings.Repeat("0", 40),
		strings.Repeat("é", 1000),
	} {
		id, err := ParseURI(s)
		if !errors.Is(err, ErrURI) || !id.IsZero() {
			t.Errorf("ParseURI(%q) = %v, %v; want ErrURI", s, id, err)
		}
		if len(err.Error()) > 1000 {
			t.Errorf("the error repeats %d bytes of input", len(err.Error()))
		}
	}
}

func TestURI(t *testing.T) {
	id, _ := infohash.Parse(vectorAccount)
	if back, err := ParseURI(URI(id)); err != nil || back != id {
		t.Errorf("ParseURI(URI(%v)) = %v, %v", id, back, err)
	}
}

func TestIDs(t *testing.T) {
	leaf := vectorChain(t, "ring_device.crt").Leaf()
	if got := leaf.ID().String(); got != vectorDevice {
		t.Errorf("short id %s", got)
	}
	if got := leaf.LongID().String(); got != vectorLong {
		t.Errorf("long id %s", got)
	}
	if id, err := ParseLongID(strings.ToUpper(vectorLong)); err != nil || id != leaf.LongID() {
		t.Errorf("ParseLongID = %v, %v", id, err)
	}
	for _, s := range []string{"", vectorDevice, vectorLong[1:], strings.Repeat("z", 64)} {
		if _, err := ParseLongID(s); !errors.Is(err, ErrLongID) {
			t.Errorf("ParseLongID(%q): %v", s, err)
		}
	}
	device, _ := infohash.Parse("427b2ebf239a9b010a49de2c9afe741c4889e15c")
	if got := InboxKey(device).String(); got != "bcecad03c86905b7d7f10f987bc4cba4687f4999" {
		t.Errorf("inbox %s", got)
	}
}

func FuzzParseURI(f *testing.F) {
	f.Add(vectorAccount)
	f.Add("Ring:" + vectorAccount + "@ring.dht")
	f.Add("jami:>")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseURI(s)
		if (err == nil) == id.IsZero() {
			t.Fatalf("ParseURI(%q) = %v, %v", s, id, err)
		}
		if err == nil && !strings.Contains(strings.ToLower(s), id.String()) {
			t.Fatalf("ParseURI(%q) = %v, which is not in it", s, id)
		}
	})
}
