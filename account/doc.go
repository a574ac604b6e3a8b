// Package account runs one Jami account on a node of the network: its device is
// announced, its contacts are followed and connected, trust requests, notes and texts
// are sent and received, and everything that matters is stored before it is told.
//
//	keys, err := account.CreateKeys(ctx, dir, account.Creation{})
//	…
//	a, err := account.Open(account.Config{Keys: keys, State: state, Cache: cache, Notify: show})
//	a.Start(node)
//	err = a.SendRequest(ctx, friend, card)
//
// The decisions are made by the state machines of packages contact and presence.
// An Account runs them: whoever has input takes the lock, hands it over, and
// queues what they want done. One goroutine works the queue off in order: it
// stores, then puts and listens, then tells. Signatures and decryption are made
// by goroutines of their own, without the lock. Locks are taken in this order: a
// connection's, that of the talk, the account's, that of its Peers.
//
// Source: account spec 5 to 8, contacts spec 2 to 5, presence spec 2 to 5.
package account
