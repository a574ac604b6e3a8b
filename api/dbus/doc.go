// Package dbus serves Jami's D-Bus interface on behalf of a daemon: the objects
// /cx/ring/Ring/X with the interfaces cx.ring.Ring.X (dbus spec). It has no
// logic of its own: methods become operations of the daemon, its events become
// signals.
//
// The directory interfaces holds every method and signal of every interface, one a line,
// with its arguments. A method that has no handler answers an empty value of
// its declared type, which clients take well (dbus spec 4).
//
// Two generations of the interface are in use, 2023 and 2026. A call is
// answered in the form that fits its signature, so both are served at all
// times; signals are emitted in the forms of the configured generations.
//
// Calls are answered off the reader of the connection: those of one caller in
// their order, those of different callers side by side.
package dbus
