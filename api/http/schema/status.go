package schema

// Status is how the daemon is.
type Status struct {
	Accounts  int       `json:"accounts"`
	Connected int       `json:"connected" doc:"Direct connections with devices, of all accounts"`
	Networks  []Network `json:"networks"`
	Events    uint64    `json:"events" doc:"How many events there have been since the start"`
	Damaged   []Damaged `json:"damaged,omitempty" doc:"What could not be read and was set aside"`
}

// Network is a network that accounts are on, with the node that they share.
type Network struct {
	Bootstrap []string `json:"bootstrap"`
	ID        uint32   `json:"id"`
	Accounts  int      `json:"accounts"`
	Node      string   `json:"node"`
	Addresses []string `json:"addresses"`
	Public    []string `json:"public,omitempty" doc:"As others see it"`
	Connected bool     `json:"connected" doc:"A node of the network answers"`
	GoodNodes int      `json:"goodNodes"`
}

// Damaged is something of the data directory that could not be read.
type Damaged struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

// Backup says where to copy the accounts to.
type Backup struct {
	Directory string `json:"directory" doc:"An absolute path on the daemon's machine, where nothing is yet" example:"/home/alice/rollcall-backup"`
}
