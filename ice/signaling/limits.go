package signaling

// Our own limits: all of this comes from whoever can reach a device over the
// DHT.
const (
	// MaxDescription is the length of the longest ice_msg taken. Thirty-one
	// candidate lines need three kilobytes.
	MaxDescription = 8 << 10
	// MaxCandidates is the number of candidates of a description. Peers use
	// about as many (peer spec 2.1).
	MaxCandidates = 31
	// MaxConnType is the length of the longest connType taken: MIME types.
	MaxConnType = 255

	// maxLines bounds the lines looked at, useless ones included.
	maxLines = 4 * MaxCandidates
	// maxCredential is the length of the longest ufrag or password, the limit
	// of RFC 5245 section 15.4.
	maxCredential = 256
	// maxFoundation is the length of the longest foundation that peers take
	// (peer spec 2.1).
	maxFoundation = 31
)
