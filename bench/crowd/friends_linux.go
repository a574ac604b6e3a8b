package crowd

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"time"

	"rollcall/account"
	"rollcall/bench/server"
	"rollcall/dht"
	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/identity"
	"rollcall/peer"
	"rollcall/presence"
	"rollcall/talk"
)

// friend is a contact of the account that is measured: a device that announces
// itself, answers when it is asked to connect, and talks.
type friend struct {
	device *identity.Device
	node   *dht.Node
	talk   *talk.Talk
	peers  *peer.Peers
}

type friends []*friend

// startFriends makes contacts of the accounts that fill has written to a
// directory, each on one of the nodes. own is the account that they want to
// connect with. They announce themselves until ctx ends. What is returned is to be
// closed also with an error.
func startFriends(ctx context.Context, cfg Config, own infohash.Hash, nodes []*dht.Node) (friends, error) {
	all := make(friends, cfg.Count)
	errs := make([]error, cfg.Count)
	places := make(chan struct{}, 8*runtime.NumCPU())
	var started sync.WaitGroup
	for i := range all {
		places <- struct{}{}
		started.Go(func() {
			all[i], errs[i] = startFriend(ctx, cfg, i, own, nodes[i%len(nodes)])
			<-places
		})
	}
	started.Wait()
	return all, errors.Join(errs...)
}

func (all friends) close() {
	var closed sync.WaitGroup
	for _, f := range all {
		if f != nil {
			closed.Go(func() {
				f.peers.Close()
				f.talk.Close()
			})
		}
	}
	closed.Wait()
}

func startFriend(ctx context.Context, cfg Config, i int, own infohash.Hash, node *dht.Node) (*friend, error) {
	keys, err := account.LoadKeys(accountDir(cfg.Dir, i))
	if err != nil {
		return nil, err
	}
	self, err := dht.NewIdentity(keys.Device, keys.Device.Chain().DER()...)
	if err != nil {
		return nil, err
	}
	f := &friend{device: keys.Device, node: node}
	welcome := func(account infohash.Hash) bool { return account == own }
	f.talk = talk.New(talk.Config{Account: f.device.Account(), Device: f.device.LongID(), Contact: welcome})
	f.peers, err = peer.Open(peer.Config{
		Node: node, Device: f.device, Identity: self,
		Standing: func(account infohash.Hash, _ value.LongID) peer.Standing {
			if welcome(account) {
				return peer.Contact
			}
			return peer.Unwelcome
		},
		FindAccount: func(context.Context, infohash.Hash, value.LongID) (infohash.Hash, error) { return own, nil },
		Incoming:    func(c *peer.Conn, name string) func(net.Conn) { return f.talk.Incoming(c, name) },
		Notify:      f.notify,
	})
	if err != nil {
		return nil, errors.Join(err, f.talk.Close())
	}
	if _, err := node.Publish(ctx, self); err != nil {
		return f, err
	}
	return f, f.announce(ctx, *keys.Receipt.Announcement, cfg.Lease)
}

func (f *friend) notify(e peer.Event) {
	switch e := e.(type) {
	case peer.Connected:
		f.talk.Connected(e.Conn)
	case peer.Disconnected:
		f.talk.Disconnected(e.Conn)
	}
}

// announce puts the announcement of the device, and keeps it alive: in place where
// lease is 0, else under new ids.
func (f *friend) announce(ctx context.Context, v value.Value, lease time.Duration) error {
	v.ID = rand.Uint64()
	if lease == 0 {
		keep, err := f.node.Keep(ctx, f.device.Account(), &v)
		if err != nil {
			return err
		}
		_, err = keep.Wait(ctx)
		return err
	}
	if _, err := f.node.PutSince(ctx, f.device.Account(), &v, time.Now().Add(lease-presence.Life)); err != nil {
		return err
	}
	go func() {
		if server.Pause(ctx, lease*3/5) == nil {
			_ = f.announce(ctx, v, lease) // an error ends the measurement, which waits for all
		}
	}()
	return nil
}
