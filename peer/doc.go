// Package peer connects the device of an account with those of its contacts: it
// asks and answers over the DHT, finds a way through (package ice), proves who
// is at the other end (mutual TLS), and offers channels on the connection
// (package channel).
//
//	peers, err := peer.Open(peer.Config{Node: node, Device: device, …})
//	peers.Want(peer.Device{Account: friend, Key: key})
//	… Notify is told of Connected{conn}
//	ch, err := conn.Open(ctx, peer.MessageChannel(conn.Device()))
//
// Whom to connect to when, and what is answered, is decided by a state machine
// without I/O, package plan below; Peers runs it.
//
// Most certificates of real devices have a negative serial number, with which
// crypto/tls refuses them by default. A program that uses this package must say
//
//	//go:debug x509negativeserial=1
//
// in its main package, or "godebug x509negativeserial=1" in its go.mod.
//
// Source: peer spec 1, 3, 5 and 9.
package peer
