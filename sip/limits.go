package sip

const (
	// MaxSent is the longest message in bytes that every peer takes: daemons of
	// 2023 read into 8000 bytes (peer spec 6).
	MaxSent = 8000

	// MaxReceived is the longest message in bytes that a Decoder takes: what fits
	// into one frame of a channel.
	MaxReceived = 64 << 10

	// maxHead bounds the lines before the body, and maxHeaders their number.
	// Daemons send a dozen in 500 bytes; calls come with some more.
	maxHead    = 8 << 10
	maxHeaders = 64
)
