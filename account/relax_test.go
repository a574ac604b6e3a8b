package account

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/dht/infohash"
)

// TestRelax asks the network less about those with whom a channel is open.
func TestRelax(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const contacts = 40
		alice := newPerson(t, virtualNetwork(t, 6)[1])
		alice.quit()
		alice.lease = 10 * time.Minute // to count few packets of its own
		alice.open(t)
		var accounts []infohash.Hash
		for i := range contacts {
			accounts = append(accounts, infohash.SumString(fmt.Sprint("contact ", i)))
			if _, err := alice.AddContact(accounts[i]); err != nil {
				t.Fatal(err)
			}
		}
		alice.Start(alice.node)
		device := infohash.SumString("device")
		requests := func() int {
			time.Sleep(2 * time.Minute) // what has been agreed on before
			before := alice.node.Metrics().Stats.Requests
			time.Sleep(5 * time.Minute)
			return int(alice.node.Metrics().Stats.Requests - before)
		}
		eager := requests()
		for _, account := range accounts {
			alice.input(func(now time.Time) { alice.tracker.ChannelUp(now, account, device) })
		}
		relaxed := requests()
		for _, account := range accounts {
			alice.input(func(now time.Time) { alice.tracker.ChannelDown(now, account, device, true) })
		}
		again := requests()
		t.Logf("%d requests in five minutes, %d while connected, %d after", eager, relaxed, again)
		if relaxed > eager*6/10 {
			t.Errorf("%d requests in five minutes while connected, %d before", relaxed, eager)
		}
		if again < eager*8/10 {
			t.Errorf("%d requests in five minutes after, %d before", again, eager)
		}
	})
}
