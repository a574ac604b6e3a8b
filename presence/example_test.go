package presence_test

import (
	"fmt"
	"log"
	"time"

	"rollcall/dht/infohash"
	"rollcall/presence"
)

// A device announces itself for half a minute, and then no more.
func ExampleTracker() {
	bob, key := infohash.SumString("bob"), []byte("key of his phone")
	phone := infohash.Sum(key)
	now := time.Now()

	t := presence.NewTracker(presence.TrackerConfig{Dwell: presence.DefaultDwell})
	t.Start(now)
	if err := t.SetContact(now, bob, true); err != nil {
		log.Fatal(err)
	}
	t.Heard(now, bob, presence.Value{
		ID: 1, Owner: bob, Device: phone, DeviceKey: key, Expires: now.Add(30 * time.Second),
	})
	show(t)
	for begin := now; !t.NextDeadline().IsZero() && now.Before(begin.Add(time.Minute)); {
		now = t.NextDeadline()
		t.Tick(now)
		show(t)
	}
	// Output:
	// offline -> online
	// online -> offline
}

// show carries out those effects for which an example has a use.
func show(t *presence.Tracker) {
	for _, effect := range t.Effects(nil) {
		if e, ok := effect.(presence.StatusChanged); ok && e.Status != e.Was {
			fmt.Printf("%v -> %v\n", e.Was, e.Status)
		}
	}
}
