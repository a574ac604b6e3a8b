package schema

import (
	"time"

	"rollcall/dht/infohash"
)

// Note is what an account says of itself.
type Note struct {
	Text  string    `json:"text" doc:"\"\" when it says nothing"`
	Until time.Time `json:"until,omitzero" doc:"When it ends by itself"`
}

// NewNote is a note to publish.
type NewNote struct {
	Text  string    `json:"text" maxLength:"512" example:"Lunch Time" doc:"\"\" takes back the one before"`
	Until time.Time `json:"until,omitzero" doc:"When it ends by itself, by default never"`
	Form  string    `json:"form,omitempty" enum:"refuse,adapt,any" default:"refuse" doc:"What to do with a note that the programs of others cannot show, who know letters, digits, _ and blanks only: refuse it, send what they can show, or send all for those who can"`
}

// NewText is a message to send.
type NewText struct {
	Type    string `json:"type,omitempty" maxLength:"128" default:"text/plain" doc:"Its media type"`
	Content string `json:"content" minLength:"1" maxLength:"61440"`
}

// SentText names a message that is on its way.
type SentText struct {
	ID string `json:"id" doc:"By which events tell what becomes of it"`
}

// Text is a message.
type Text struct {
	ID      string `json:"id" doc:"16 hexadecimal digits"`
	Type    string `json:"type,omitempty" doc:"Its media type; absent for messages of ours"`
	Content string `json:"content,omitempty" doc:"Absent for messages of ours"`
}

// Connection is a direct connection with a device.
type Connection struct {
	Peer     infohash.Hash `json:"peer" doc:"The account of the device"`
	Device   string        `json:"device" doc:"64 hexadecimal digits"`
	Local    string        `json:"local" doc:"Our address and port"`
	Remote   string        `json:"remote"`
	Relayed  bool          `json:"relayed" doc:"It goes by a relay"`
	Ours     string        `json:"localType" enum:"host,srflx,prflx,relay" doc:"Of which type our candidate is: an address of the host, one at a router (mapped or told by others), one learnt from the connection, or one at a relay"`
	Theirs   string        `json:"remoteType" enum:"host,srflx,prflx,relay" doc:"Of which type theirs is"`
	Asked    bool          `json:"asked" doc:"We have asked for it, not the peer"`
	Since    time.Time     `json:"since"`
	SetUp    float64       `json:"setUpSeconds" doc:"How long it took"`
	Cipher   string        `json:"cipher"`
	BytesIn  uint64        `json:"bytesIn"`
	BytesOut uint64        `json:"bytesOut"`
	Declined uint64        `json:"declined" doc:"Channels that they have asked for and not got"`
	Channels []Channel     `json:"channels" doc:"Open ones"`
}

// Channel is an open channel of a connection.
type Channel struct {
	Name     string    `json:"name"`
	Since    time.Time `json:"since"`
	BytesIn  uint64    `json:"bytesIn"`
	BytesOut uint64    `json:"bytesOut"`
}
