package account

import (
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/contact"
	"rollcall/dht"
	"rollcall/internal/simnet"
	"rollcall/presence"
)

// virtualNetwork returns nodes of a network in memory with a tenth of all
// packets lost, in virtual time.
func virtualNetwork(t *testing.T, size int) []*dht.Node {
	t.Helper()
	network := simnet.NewNet(simnet.Config{Seed: 1, Link: simnet.Link{Latency: 20 * time.Millisecond, Loss: 0.1}})
	var nodes []*dht.Node
	for i := range size {
		cfg := dht.Config{
			Bind4: netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}), NoIPv6: true, Port: 4222,
			ListenPacket: func(addr netip.AddrPort) (net.PacketConn, error) { return network.ListenPacket(addr) },
		}
		if i > 0 {
			cfg.Bootstrap = []string{"10.0.0.1"}
		}
		node, err := dht.Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { node.Close() })
		nodes = append(nodes, node)
	}
	return nodes
}

// TestAbsentRecipients asks people who are away for an hour, six times as long as the
// network keeps a request (fault F6). Bob was seen before and finds the request in
// the inbox; Carol was not and gets it on showing up.
func TestAbsentRecipients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := virtualNetwork(t, 5)
		alice, bob, carol := newPerson(t, nodes[1]), newPerson(t, nodes[2]), newPerson(t, nodes[3])
		alice.Start(alice.node)
		await(t, alice, 0, func(e presence.Announced) bool { return e.On })
		bob.Start(bob.node)
		if err := alice.Subscribe(bob.ID()); err != nil {
			t.Fatal(err)
		}
		await(t, alice, 0, online(bob, presence.Online))
		mark := alice.Mark()
		bob.Stop()
		await(t, alice, mark, online(bob, presence.Offline))

		for _, away := range []*person{bob, carol} {
			if err := alice.SendRequest(away.ID(), []byte("card")); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Hour)
		for _, back := range []*person{bob, carol} {
			back.Start(back.node)
			await(t, back, 0, func(e contact.RequestReceived) bool { return string(e.Request.Payload) == "card" })
			mark := alice.Mark()
			if _, err := back.AcceptRequest(alice.ID()); err != nil {
				t.Fatal(err)
			}
			await(t, alice, mark, func(e contact.ContactAdded) bool { return e.Peer == back.ID() && e.Confirmed })
			synctest.Wait()
			received := 0
			for _, e := range back.Since(0) {
				if _, ok := e.(contact.RequestReceived); ok {
					received++
				}
			}
			if received != 1 {
				t.Errorf("the request was told %d times", received)
			}
		}
	})
}
