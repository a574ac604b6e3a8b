// Package contact implements the contact list of one account and its trust
// requests: who is in the list, who asks to be, whom we asked, and how the
// lists of several devices of the account become one.
//
// A [List] is a core: no goroutine, no lock, no clock, no disk. Its input are
// operations of the user, messages that were already decrypted and verified,
// contacts that another device of the account sent, and the coming and going of
// devices. Its output is one ordered stream of [Effect] values: what to save,
// what to put, what to tell. See [List.Effects] for what the driver owes it.
//
// Times of records and messages are milliseconds since the Unix epoch, 0 being
// never or unknown.
//
// Source: contacts spec; threats A5 to A8 and A18, faults F6 and F7.
package contact
