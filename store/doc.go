// Package store keeps what accounts must not lose, and what they would rather
// not look for again, in SQLite databases.
//
// A [State] belongs to one account: settings, contacts, requests and messages on
// their way. What a method has stored is on the disk when it returns; a process
// that is killed at any moment leaves each call done whole or not at all. A
// [Cache] is shared by all accounts and may be lost.
//
// A damaged database is set aside under another name and never written to again.
// Private keys are no business of this package, see identity/keyfile.
package store
