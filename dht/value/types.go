package value

import (
	"fmt"
	"time"
)

// DefaultLife is the life of values of unregistered types, and of encrypted
// values, whose outer type is always 0.
const DefaultLife = 10 * time.Minute

// Type describes a registered value type: how long storing nodes keep its
// values, and by which rules they take and change them.
type Type struct {
	ID   TypeID
	Name string        // for people
	Life time.Duration // from the creation of a value to its end
	// Secure types keep signed values only if the signature verifies, and let the
	// owner, and nobody else, replace a signed value by one with a higher Seq.
	// Values of other types are taken unverified and never replaced.
	Secure bool
}

// The registered types (opendht spec 4.4). What makes service announcements and
// certificates special is in policy.go.
var standardTypes = [...]Type{
	{ID: TypeUserData, Name: "user data", Life: DefaultLife, Secure: true},
	{ID: TypeMessage, Name: "DHT message", Life: 5 * time.Minute, Secure: true},
	{ID: TypeService, Name: "service announcement", Life: 15 * time.Minute},
	{ID: TypeIM, Name: "IM message", Life: 5 * time.Minute, Secure: true},
	{ID: TypeTrustRequest, Name: "trust request", Life: 7 * 24 * time.Hour, Secure: true},
	{ID: TypeICE, Name: "ICE candidates", Life: time.Minute, Secure: true},
	{ID: TypeCertificate, Name: "certificate", Life: 7 * 24 * time.Hour},
}

// Types is the set of value types that a node knows. The zero Types holds the
// standard ones. It may be read from several goroutines once nothing is
// registered any more.
type Types struct {
	extra map[TypeID]Type
}

// Register adds an application's type. The ids of the standard types, a type
// registered before, and a life that is not positive are refused.
func (t *Types) Register(typ Type) error {
	if known, ok := t.Lookup(typ.ID); ok {
		return fmt.Errorf("value: type %d is registered as %q", typ.ID, known.Name)
	}
	if typ.Life <= 0 {
		return fmt.Errorf("value: type %d needs a life above zero", typ.ID)
	}
	if t.extra == nil {
		t.extra = make(map[TypeID]Type)
	}
	t.extra[typ.ID] = typ
	return nil
}

// Lookup returns the type of the given id.
func (t *Types) Lookup(id TypeID) (Type, bool) {
	for i := range standardTypes {
		if standardTypes[i].ID == id {
			return standardTypes[i], true
		}
	}
	typ, ok := t.extra[id]
	return typ, ok
}

// Life returns how long values of type id live from their creation on:
// DefaultLife where the type is not registered.
func (t *Types) Life(id TypeID) time.Duration {
	if typ, ok := t.Lookup(id); ok {
		return typ.Life
	}
	return DefaultLife
}
