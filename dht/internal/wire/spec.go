package wire

// Agent is how this implementation names itself in every message; peers take it
// as information only.
const Agent = "RC1"

// ListenVersion is the version of pushes that we listen with: update requests.
// Listeners of version 0 get unsolicited replies (opendht spec 2.9).
const ListenVersion = 1

// Codes of errors (opendht spec 2.3).
const (
	CodeIncomplete   = 203 // a required argument is missing
	CodeUnauthorized = 401 // the token is not valid here
	CodeNotFound     = 404 // nothing is stored at the key
)

const (
	// MaxNodes is the number of nodes of one family in a reply.
	MaxNodes = 8
	// MaxToken is the length of the longest token that nodes accept.
	MaxToken = 64
	// MaxPacked is the length of the longest packed value that nodes accept.
	MaxPacked = 65536 + 32

	// A message carries its values itself when there are fewer than maxInline
	// and they take less than inlineSize bytes in sum; otherwise their sizes,
	// and the bytes follow in slices of sliceSize (opendht spec 2.8).
	maxInline  = 50
	inlineSize = 600
	sliceSize  = 1280

	// batchSize closes an update: the value that reaches it is the last one
	// (opendht spec 2.6).
	batchSize = 56 << 10

	nodeSize4 = 20 + 4 + 2
	nodeSize6 = 20 + 16 + 2

	// Address families as they stand in packets and files, whatever system the
	// program runs on: those of Linux.
	familyIPv4 = 2
	familyIPv6 = 10
)
