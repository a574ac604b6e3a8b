package schema

import "rollcall/dht/infohash"

// Account is an account of the daemon.
type Account struct {
	ID           string        `json:"id" doc:"Names the account in this API, and nowhere else" example:"8a3f1c0d5e7b2946"`
	URI          infohash.Hash `json:"uri,omitzero" doc:"The account id on the network, absent while the keys are made"`
	DisplayName  string        `json:"displayName"`
	Device       string        `json:"device,omitempty" doc:"This device: 64 hexadecimal digits"`
	DeviceName   string        `json:"deviceName"`
	Enabled      bool          `json:"enabled" doc:"Wanted on the network"`
	Active       bool          `json:"active" doc:"Not put aside by the system for now"`
	Invisible    bool          `json:"invisible" doc:"Does not announce itself; no new requests reach it"`
	State        string        `json:"state" enum:"INITIALIZING,UNREGISTERED,TRYING,REGISTERED,ERROR_GENERIC"`
	StateText    string        `json:"stateText,omitempty" doc:"More about an error, for people"`
	Announced    bool          `json:"announced" doc:"The announcement is on the network"`
	LeaseSeconds float64       `json:"leaseSeconds" doc:"How long an announcement lives, 0 for a permanent one"`
	HasPassword  bool          `json:"hasPassword"`
	Bootstrap    []string      `json:"bootstrap,omitempty"`
	Note         *Note         `json:"note,omitempty" doc:"What it says of itself"`
	Progress     *Progress     `json:"progress,omitempty" doc:"Of the creation, while the state is INITIALIZING"`
}

// Progress counts the steps of the creation of an account.
type Progress struct {
	Done  int `json:"done"`
	Total int `json:"total"`
}

// Device is a device of an account.
type Device struct {
	ID   string `json:"id" doc:"64 hexadecimal digits"`
	Name string `json:"name"`
	Own  bool   `json:"own" doc:"It is the one that answers"`
}

// Settings are an account's settings or its state, by the keys and with the
// values that desktop clients use.
type Settings map[string]string

// NewAccount says how to make an account, or import one.
type NewAccount struct {
	DisplayName string   `json:"displayName,omitempty" maxLength:"256" example:"Alice"`
	DeviceName  string   `json:"deviceName,omitempty" maxLength:"256"`
	Password    string   `json:"password,omitempty" doc:"Locks the archive of a new account, or opens the imported one"`
	Archive     []byte   `json:"archive,omitempty" doc:"The account archive to import instead of making keys"`
	Settings    Settings `json:"settings,omitempty" doc:"Further settings"`
}

// CreatedAccount names the account that is being made.
type CreatedAccount struct {
	ID string `json:"id"`
}

// Password opens the archive of an account.
type Password struct {
	Password string `json:"password,omitempty" doc:"Absent where the archive has none"`
}

// NewPassword replaces the password of an archive.
type NewPassword struct {
	From string `json:"from,omitempty" doc:"The present password, absent where there is none"`
	To   string `json:"to,omitempty" doc:"The password from now on, absent for none"`
}

// Switch turns something on or off.
type Switch struct {
	On bool `json:"on"`
}

// Order names accounts in the order in which to list them.
type Order struct {
	Accounts []string `json:"accounts" maxItems:"10000"`
}
