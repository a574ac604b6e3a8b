//go:build peers

package client

import (
	"context"
	"errors"
	"fmt"
	"image"
	"slices"
	"sync"

	"github.com/godbus/dbus/v5"
)

// window is what a program shows, as it tells programs for people who do not
// see (AT-SPI 2): those ask it over a bus for its parts. Here this is the bus
// of the session, and window the registry on it at which the program reports.
type window struct {
	bus     *dbus.Conn
	program chan accessible // holds one value, once the program has reported
	asked   chan struct{}   // holds a value for every question under way
}

// maxAsked bounds the questions under way. A bus refuses more than 128, and a
// client that only answers shows nothing.
const maxAsked = 16

// accessible names an object of a program.
type accessible struct {
	Owner string
	Path  dbus.ObjectPath
}

// openWindow awaits a program on the bus, which is to be started next.
func openWindow(address string) (*window, error) {
	bus, err := dbus.Connect(address)
	if err != nil {
		return nil, err
	}
	w := &window{bus, make(chan accessible, 1), make(chan struct{}, maxAsked)}
	for _, object := range []struct {
		methods         map[string]any
		path, name      string
		nameOfInterface string
	}{
		{map[string]any{"GetAddress": func() (string, *dbus.Error) { return address, nil }}, "/org/a11y/bus", "org.a11y.Bus", "org.a11y.Bus"},
		{map[string]any{"Embed": w.embed}, "/org/a11y/atspi/accessible/root", "org.a11y.atspi.Registry", "org.a11y.atspi.Socket"},
	} {
		if err := bus.ExportMethodTable(object.methods, dbus.ObjectPath(object.path), object.nameOfInterface); err != nil {
			return nil, errors.Join(err, bus.Close())
		}
		if _, err := bus.RequestName(object.name, dbus.NameFlagDoNotQueue); err != nil {
			return nil, errors.Join(err, bus.Close())
		}
	}
	return w, nil
}

// embed is what a program calls to report, with its own root. The answer is the
// root above it.
func (w *window) embed(program accessible) (accessible, *dbus.Error) {
	select {
	case w.program <- program:
	default: // only the first one is watched
	}
	return accessible{w.bus.Names()[0], "/org/a11y/atspi/accessible/root"}, nil
}

// element is a part of the window that can be seen.
type element struct {
	accessible
	role, name, description string
}

// part says which element is meant: by its role and by its name or
// description, if they are not empty. Among several it is the one of this
// number, from 0.
type part struct {
	role, label string
	number      int
}

func (p part) matches(e element) bool {
	return (p.role == "" || p.role == e.role) && (p.label == "" || p.label == e.name || p.label == e.description)
}

// find returns the element that is meant. What is behind a dialog or a menu
// counts as not there.
func (w *window) find(ctx context.Context, p part) (element, error) {
	var program accessible
	select {
	case program = <-w.program:
		w.program <- program
	case <-ctx.Done():
		return element{}, fmt.Errorf("waiting for the program: %w", ctx.Err())
	}
	all, err := w.below(ctx, program)
	if err != nil {
		return element{}, err
	}
	for i, e := range slices.Backward(all) {
		if e.role == "dialog" || e.role == "popup menu" {
			all = all[i:]
			break
		}
	}
	all = slices.DeleteFunc(all, func(e element) bool { return !p.matches(e) })
	if p.number >= len(all) {
		return element{}, fmt.Errorf("%+v is not to be seen", p)
	}
	return all[p.number], nil
}

// below returns the elements below an object, from back to front.
func (w *window) below(ctx context.Context, object accessible) ([]element, error) {
	var children []accessible
	if err := w.call(ctx, object, "org.a11y.atspi.Accessible.GetChildren", nil, &children); err != nil {
		return nil, err
	}
	elements := make([][]element, len(children))
	failed := make([]error, len(children))
	var all sync.WaitGroup
	for i, child := range children {
		all.Go(func() { elements[i], failed[i] = w.elements(ctx, child) })
	}
	all.Wait()
	return slices.Concat(elements...), errors.Join(failed...)
}

// elements returns an object and all below it, unless it cannot be seen.
func (w *window) elements(ctx context.Context, object accessible) ([]element, error) {
	const showing = 1 << 25 // in the first word of the state
	var state []uint32
	if err := w.call(ctx, object, "org.a11y.atspi.Accessible.GetState", nil, &state); err != nil {
		return nil, err
	}
	if len(state) == 0 || state[0]&showing == 0 {
		return nil, nil
	}
	e, err := w.describe(ctx, object)
	if err != nil {
		return nil, err
	}
	below, err := w.below(ctx, object)
	return append([]element{e}, below...), err
}

func (w *window) describe(ctx context.Context, object accessible) (element, error) {
	e := element{accessible: object}
	if err := w.call(ctx, object, "org.a11y.atspi.Accessible.GetRoleName", nil, &e.role); err != nil {
		return element{}, err
	}
	var err error
	if e.name, err = w.property(ctx, object, "Name"); err != nil {
		return element{}, err
	}
	e.description, err = w.property(ctx, object, "Description")
	return e, err
}

// place returns where on the screen an element is.
func (w *window) place(ctx context.Context, e element) (image.Rectangle, error) {
	const ofScreen = uint32(0)
	var place struct{ X, Y, Width, Height int32 }
	if err := w.call(ctx, e.accessible, "org.a11y.atspi.Component.GetExtents", []any{ofScreen}, &place); err != nil {
		return image.Rectangle{}, err
	}
	return image.Rect(0, 0, int(place.Width), int(place.Height)).Add(image.Pt(int(place.X), int(place.Y))), nil
}

func (w *window) property(ctx context.Context, object accessible, name string) (value string, err error) {
	var v dbus.Variant
	err = w.call(ctx, object, "org.freedesktop.DBus.Properties.Get", []any{"org.a11y.atspi.Accessible", name}, &v)
	if err == nil {
		err = v.Store(&value)
	}
	return value, err
}

func (w *window) call(ctx context.Context, object accessible, method string, args []any, result any) error {
	w.asked <- struct{}{}
	defer func() { <-w.asked }()
	return w.bus.Object(object.Owner, object.Path).CallWithContext(ctx, method, 0, args...).Store(result)
}
