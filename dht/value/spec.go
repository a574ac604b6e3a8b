package value

// MaxDataSize bounds the size of a value as the network counts it ([Value.Size],
// opendht spec 4.1, 4.4): 64 KiB. Signed values and certificates are bounded by
// MaxPackedSize only.
const MaxDataSize = 65536

// MaxPackedSize bounds a packed value: peers skip larger ones (opendht spec 2.8).
const MaxPackedSize = MaxDataSize + 32

// CertificateID is the value id under which certificates are published (opendht
// spec 5.6).
const CertificateID = 1
