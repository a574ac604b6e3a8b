//go:build peers

package client

import (
	"context"
	"errors"
	"fmt"
	"image"
	"testing"
	"time"

	"rollcall/test/peers"
)

// user sits before a client: sees its window, moves the mouse, types.
type user struct {
	t      *testing.T
	ctx    context.Context
	client *peers.Client
	window *window
	calls  *calls
}

// answerLimit bounds the time from a click to what it does: then the click counts as
// missed. A switch that is clicked twice is where it was.
const answerLimit = 10 * time.Second

// start starts the client of a daemon, and a user before it.
func start(ctx context.Context, t *testing.T, d *peers.Daemon) *user {
	t.Helper()
	w, err := openWindow(d.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.bus.Close() })
	return &user{t: t, ctx: ctx, calls: listen(t, d), window: w, client: d.StartClient(t)}
}

// act is something that the user does: wait until a part is to be seen, move
// the mouse to it, and go on in words of xdotool, if any.
type act struct {
	part
	words string
}

func see(label string) act        { return act{part: part{label: label}} }
func press(label string) act      { return act{part{label: label}, "click 1"} }
func openMenu(label string) act   { return act{part{label: label}, "click 3"} }
func scrollDown(label string) act { return act{part{label: label}, scroll} }

// pressBelow presses what is at the end of a page: if that is not to be reached yet,
// because the client has missed some of the scrolling, it is the next time.
func pressBelow(label string) act { return act{part{label: label}, "click 1 " + scroll} }

const scroll = "click --repeat 20 --delay 10 5"

func choose(number int) act { return act{part{role: "menu item", number: number}, "click 1"} }

func typeIn(label, text string) act {
	return act{part{label: label}, "click 1 key ctrl+a type --delay 10 " + text}
}

// do acts, in order. A slow client may miss a click, thus each act is done again
// until what the next one needs is to be seen, and the last one until done.
func (u *user) do(done func(context.Context) error, acts ...act) {
	u.t.Helper()
	at, err := u.wait(u.ctx, acts[0].part)
	for i, a := range acts {
		if err != nil {
			u.t.Fatalf("%+v: %v", a, err)
		}
		at, err = u.act(a, at, func(ctx context.Context) (image.Rectangle, error) {
			if i+1 < len(acts) {
				return u.wait(ctx, acts[i+1].part)
			}
			return image.Rectangle{}, done(ctx)
		})
	}
	if err != nil {
		u.t.Fatal(err)
	}
}

// act does what an act says to its part, and returns where the next one is.
func (u *user) act(a act, at image.Rectangle, next func(context.Context) (image.Rectangle, error)) (image.Rectangle, error) {
	for {
		if a.words != "" && !at.Empty() {
			middle := at.Min.Add(at.Size().Div(2))
			if err := u.client.Do(u.ctx, fmt.Sprintf("mousemove %d %d ", middle.X, middle.Y)+a.words); err != nil {
				return image.Rectangle{}, err
			}
		}
		ctx, cancel := context.WithTimeout(u.ctx, answerLimit)
		following, err := next(ctx)
		cancel()
		if err == nil || u.ctx.Err() != nil {
			return following, err
		}
		u.t.Logf("once more %+v: %v", a, err)
		// A part that is gone has been clicked, and has yet to have its effect.
		at = image.Rectangle{}
		if e, err := u.window.find(u.ctx, a.part); err == nil {
			if at, err = u.window.place(u.ctx, e); err != nil {
				return image.Rectangle{}, err
			}
		}
	}
}

// wait waits until a part is to be seen and has stopped moving, and returns
// where it is.
func (u *user) wait(ctx context.Context, p part) (image.Rectangle, error) {
	var e element
	err := peers.Eventually(ctx, func() (ok bool, err error) {
		e, err = u.window.find(ctx, p)
		return err == nil, err
	})
	if err != nil {
		return image.Rectangle{}, err
	}
	var at image.Rectangle
	err = peers.Eventually(ctx, func() (bool, error) {
		now, err := u.window.place(ctx, e)
		still := err == nil && now == at && !at.Empty()
		at = now
		return still, err
	})
	return at, err
}

// called returns the condition that the client makes a call.
func (u *user) called(call ...string) func(context.Context) error {
	return func(ctx context.Context) error { return u.calls.wait(ctx, call...) }
}

// shown returns the condition that a part of the window is to be seen.
func (u *user) shown(label string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := u.wait(ctx, part{label: label})
		return err
	}
}

// expect waits for a call of the client.
func (u *user) expect(call ...string) {
	u.t.Helper()
	if err := u.calls.wait(u.ctx, call...); err != nil {
		u.t.Fatal(err)
	}
}

// expectPresence waits for the dot in the row of a contact to be green or not.
func (u *user) expectPresence(contact string, online bool) {
	u.t.Helper()
	const right, down = 46, 52 // from the corner of the row to the dot
	row, err := u.wait(u.ctx, part{label: contact})
	if err != nil {
		u.t.Fatal(err)
	}
	err = peers.Eventually(u.ctx, func() (bool, error) {
		c, err := u.client.Pixel(row.Min.X+right, row.Min.Y+down)
		green := c.G > 0xa0 && c.R < 0x80 && c.B < 0x90
		return err == nil && green == online, errors.Join(err, fmt.Errorf("the dot is %v", c))
	})
	if err != nil {
		u.t.Fatalf("presence of %s to be %t: %v", contact, online, err)
	}
}
