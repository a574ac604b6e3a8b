// Package transfer is one end of a transfer between two processes: it connects
// with the other as devices of contacts do, over the DHT, ICE and TLS, and a file
// goes through a channel.
package transfer

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"rollcall/dht"
	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/identity"
	"rollcall/peer"
)

// channelName is that of the channel of the file.
const channelName = "transfer"

// Introduction is what one end has to know of the other.
type Introduction struct {
	Account infohash.Hash
	Key     []byte // DER SubjectPublicKeyInfo of the device
}

// Result is how a transfer went, as its sender saw it.
type Result struct {
	Bytes int64
	Took  time.Duration // from the opening of the channel to the word that all is there
}

// Serve is one end, on the network of a node: it writes its introduction to out and
// reads that of the other from in, a line each. The sender then sends a file and
// writes its result; the receiver writes what comes to a file, and ends with in.
func Serve(ctx context.Context, in io.Reader, out io.Writer, bootstrap, file string, send bool) error {
	e, err := join(ctx, bootstrap)
	if err != nil {
		return err
	}
	defer e.node.Close()
	write, read := json.NewEncoder(out), json.NewDecoder(in)
	if err := write.Encode(Introduction{e.device.Account(), e.device.SPKI()}); err != nil {
		return err
	}
	var other Introduction
	if err := read.Decode(&other); err != nil {
		return fmt.Errorf("introduction of the other end: %w", err)
	}
	received := make(chan error, 1)
	peers, conns, err := e.open(other.Account, func(ch net.Conn) { received <- receive(ch, file) })
	if err != nil {
		return err
	}
	defer peers.Close()
	if !send {
		if err := <-received; err != nil {
			return err
		}
		_, err := io.Copy(io.Discard, in) // the connection stays until the sender knows
		return err
	}
	peers.Want(peer.Device{Account: other.Account, Key: other.Key})
	select {
	case conn := <-conns:
		result, err := sendFile(ctx, conn, file)
		return errors.Join(err, write.Encode(result))
	case <-ctx.Done():
		return ctx.Err()
	}
}

// end is a new device with a node of its own.
type end struct {
	device *identity.Device
	self   *dht.Identity
	node   *dht.Node
}

// join makes an end and announces it on the network of the node bootstrap.
func join(ctx context.Context, bootstrap string) (e end, err error) {
	if _, e.device, err = identity.Generate(ctx, identity.Config{}, time.Now(), rand.Reader); err != nil {
		return e, err
	}
	if e.self, err = dht.NewIdentity(e.device, e.device.Chain().DER()...); err != nil {
		return e, err
	}
	if e.node, err = dht.Open(ctx, dht.Config{Bootstrap: []string{bootstrap}}); err != nil {
		return e, err
	}
	if err = e.node.WaitConnected(ctx); err == nil {
		_, err = e.node.Publish(ctx, e.self)
	}
	if err != nil {
		e.node.Close()
	}
	return e, err
}

// open lets the devices of an account connect, and gives away one connection with
// them. Their channels go to incoming.
func (e *end) open(account infohash.Hash, incoming func(net.Conn)) (*peer.Peers, <-chan *peer.Conn, error) {
	conns := make(chan *peer.Conn, 1)
	peers, err := peer.Open(peer.Config{
		Node: e.node, Device: e.device, Identity: e.self,
		Standing:    func(infohash.Hash, value.LongID) peer.Standing { return peer.Contact },
		FindAccount: func(context.Context, infohash.Hash, value.LongID) (infohash.Hash, error) { return account, nil },
		Incoming:    func(*peer.Conn, string) func(net.Conn) { return incoming },
		Notify: func(e peer.Event) {
			if e, ok := e.(peer.Connected); ok {
				select {
				case conns <- e.Conn:
				default: // there may be a second one
				}
			}
		},
	})
	return peers, conns, err
}

// sendFile sends a file and waits until it is received.
func sendFile(ctx context.Context, conn *peer.Conn, file string) (Result, error) {
	f, err := os.Open(file)
	if err != nil {
		return Result{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Result{}, err
	}
	begin := time.Now()
	ch, err := conn.Open(ctx, channelName)
	if err != nil {
		return Result{}, err
	}
	defer ch.Close()
	if err := json.NewEncoder(ch).Encode(info.Size()); err != nil {
		return Result{}, err
	}
	if _, err := io.CopyBuffer(struct{ io.Writer }{ch}, struct{ io.Reader }{f}, make([]byte, 64<<10)); err != nil {
		return Result{}, err
	}
	if _, err := io.ReadFull(ch, make([]byte, 1)); err != nil {
		return Result{}, fmt.Errorf("the other end: %w", err)
	}
	return Result{info.Size(), time.Since(begin)}, nil
}

// receive writes what comes to a file, and tells the sender when it is all there.
func receive(ch net.Conn, file string) error {
	defer ch.Close()
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	head := json.NewDecoder(ch)
	var size int64
	if err := head.Decode(&size); err != nil {
		return errors.Join(err, f.Close())
	}
	rest := io.MultiReader(head.Buffered(), ch)
	if _, err := io.ReadFull(rest, make([]byte, 1)); err != nil { // the end of the line
		return errors.Join(err, f.Close())
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{f}, io.LimitReader(rest, size), make([]byte, 64<<10))
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	_, err = ch.Write([]byte{1})
	return err
}
