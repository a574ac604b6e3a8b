// Package identity implements who a Jami account is: keys, certificates,
// revocation lists, account archives, receipts, and the values by which a
// device makes itself known on the network.
//
// An [Account] is a key certified by its own authority; it certifies devices
// and is needed only for that, so it lives in the [Archive] and may be locked
// by a password. A [Device] is what runs: its key signs and decrypts, its
// [Chain] names the account, and its [Receipt] carries the announcement that
// the account signed once for it.
//
// The package reads and writes bytes and does nothing else: time and
// randomness are arguments, files are the business of package keyfile. Private
// keys are not reachable from outside but for the files that hold them; other
// packages use a device as a crypto.Signer and crypto.Decrypter.
//
// Certificates are read by an own parser, for one reason: half of all real
// ones have a negative serial number, which crypto/x509 refuses.
//
// Source: account spec sections 1 to 6, 8, 11, 13.
package identity
