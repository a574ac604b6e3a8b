package value

// Limits of this implementation.
const (
	// MaxCertificateSize bounds one certificate. A chain of three RSA-4096
	// certificates takes under 5 kB; thousands of names would cost parsing time.
	MaxCertificateSize = 16 << 10
	// MaxChainLength bounds a certificate chain: device, account, CA, and one
	// level to spare.
	MaxChainLength = 4
	// MinKeyBits and MaxKeyBits bound RSA keys: shorter ones are broken, and the
	// time of a verification grows with the square of the length.
	MinKeyBits = 1024
	MaxKeyBits = 8192
	// MaxConditions bounds the conditions of a query. Five fields can be
	// filtered, and a second condition on one field matches the same or nothing.
	MaxConditions = 8
	// maxSPKISize bounds an owner key: an RSA key of MaxKeyBits takes 1062 bytes.
	maxSPKISize = 2048
	// maxMetadata bounds the pairs read from an instant message.
	maxMetadata = 256
)
