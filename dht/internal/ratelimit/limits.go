package ratelimit

// Defaults of opendht spec 7.4, in requests per second.
const (
	defaultPerOrigin = 1024
	defaultTotal     = 8192
)

// sets and ways are the size of the table of origins: 64 KiB. An origin is on
// record for a millisecond per request that was just allowed, so the few
// thousand places outnumber the origins that matter.
const (
	sets = 1 << setBits
	ways = 4

	setBits = 10
)
