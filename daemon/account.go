package daemon

import (
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/identity"
)

// AccountID names an account of a daemon: 16 hexadecimal digits that mean
// nothing to anybody else.
type AccountID string

// State is how an account stands with the network, by the names that clients
// know (dbus spec 2.7).
type State string

// The states.
const (
	Initializing State = "INITIALIZING"  // its keys are being made
	Unregistered State = "UNREGISTERED"  // disabled or inactive
	Trying       State = "TRYING"        // on the way
	Registered   State = "REGISTERED"    // reachable
	ErrorGeneric State = "ERROR_GENERIC" // creation failed; the account goes away
)

// Details are the settings or the state of an account by the keys and values
// that clients use (dbus spec 3). Absent keys mean "unchanged" where they are set.
type Details map[string]string

// Account is what there is to know about an account at one moment.
type Account struct {
	ID          AccountID
	URI         infohash.Hash // the account id on the network, zero while INITIALIZING
	DisplayName string
	Device      value.LongID // this device, zero while INITIALIZING
	DeviceName  string
	Enabled     bool // by the user, kept
	Active      bool // by the system, not kept
	Invisible   bool // does not announce itself
	State       State
	StateText   string
	Announced   bool          // the announcement is on the network
	Lease       time.Duration // in force; 0 = permanent announcements
	HasPassword bool
	Note        Note // what it says of itself
	Bootstrap   []string
	Progress    Progress // of the creation, while INITIALIZING
}

// Progress counts the steps of the creation of an account.
type Progress struct{ Done, Total int }

// Device is a device of an account.
type Device struct {
	ID   value.LongID
	Name string
	Own  bool // it is this one
}

// Creation says how to make an account. The zero Creation makes a new one
// without a password.
type Creation struct {
	// Settings by the keys that clients use; unknown ones are ignored.
	Settings Details
	// Secret locks the archive of a new account, or opens the imported one.
	Secret identity.Secret
	// ArchivePath names an archive file to import instead of making keys.
	ArchivePath string
	// Archive is the content of such a file.
	Archive []byte
}
