package dbus

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/godbus/dbus/v5"
)

const (
	busName = "cx.ring.Ring"
	root    = dbus.ObjectPath("/cx/ring/Ring")

	peerInterface          = "org.freedesktop.DBus.Peer"
	introspectionInterface = "org.freedesktop.DBus.Introspectable"
	errorPrefix            = "org.freedesktop.DBus.Error."
)

// server answers the calls that arrive on a connection. It takes them from the
// reader of the connection, which knows methods by name only and keeps no order
// among calls.
type server struct {
	objects map[dbus.ObjectPath]object
	calls   *queues

	ctx   context.Context // of the calls
	conn  *dbus.Conn
	ready chan struct{} // closed when the two above are set

	mu     sync.Mutex // held while a message is written
	serial uint32
	buffer []byte
}

// object is what is at a path: an interface, or only children.
type object struct {
	iface         string
	methods       map[string][]method
	introspection string
}

// newServer returns a server of objects. It answers nothing before start.
func newServer(objects map[dbus.ObjectPath]object) *server {
	s := &server{objects: objects, ready: make(chan struct{})}
	s.calls = newQueues(s.answer)
	return s
}

// options are those that the connection must be made with.
func (s *server) options() []dbus.ConnOption {
	return []dbus.ConnOption{dbus.WithIncomingInterceptor(s.intercept)}
}

// start begins to answer the calls of a connection, those already received
// included. Calls run under ctx. From now on only the server may send on it.
func (s *server) start(ctx context.Context, conn *dbus.Conn) {
	s.ctx, s.conn = ctx, conn
	close(s.ready)
}

// close waits until all calls taken are answered; later ones are not.
func (s *server) close() { s.calls.close() }

// intercept takes method calls away from the connection's own handling. It runs
// on the reader of the connection and sees messages in their order.
func (s *server) intercept(msg *dbus.Message) {
	if msg.Type != dbus.TypeMethodCall {
		return
	}
	call := *msg
	// The connection passes over messages of no known type.
	msg.Type = 0
	if !s.calls.add(text(&call, dbus.FieldSender), &call) {
		s.refuse(&call)
	}
}

// refuse answers a call that there is no room for.
func (s *server) refuse(call *dbus.Message) {
	select {
	case <-s.ready:
		s.reply(call, nil, dbus.NewError(errorPrefix+"LimitsExceeded", []any{"the daemon takes no more calls now"}))
	default:
	}
}

// answer runs a call and sends its reply.
func (s *server) answer(call *dbus.Message) {
	<-s.ready
	results, err := s.dispatch(call)
	s.reply(call, results, err)
}

// dispatch runs the method that a call is for.
func (s *server) dispatch(call *dbus.Message) ([]any, *dbus.Error) {
	path, _ := call.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)
	iface, name := text(call, dbus.FieldInterface), text(call, dbus.FieldMember)
	at, known := s.objects[path]
	unknown := dbus.NewError(errorPrefix+"UnknownMethod", []any{fmt.Sprintf("no method %s of %s at %s", name, iface, path)})

	// A call without an interface is for whichever has the method.
	switch {
	case known && name == "Introspect" && (iface == introspectionInterface || iface == ""):
		return []any{at.introspection}, nil
	case name == "Ping" && iface == peerInterface:
		return nil, nil
	case name == "GetMachineId" && iface == peerInterface:
		return machineID()
	case !known || at.iface == "" || iface != at.iface && iface != "":
		return nil, unknown
	}
	forms := at.methods[name]
	if forms == nil {
		return nil, unknown
	}
	types, _ := call.Headers[dbus.FieldSignature].Value().(dbus.Signature)
	form, ok := choose(forms, types.String())
	if !ok {
		return nil, dbus.NewError(errorPrefix+"InvalidArgs", []any{
			fmt.Sprintf("%s has arguments %q, want %q", name, types.String(), wanted(forms)),
		})
	}
	results, err := form.call(s.ctx, call.Body)
	if err != nil {
		return nil, dbus.NewError(errorPrefix+"InvalidArgs", []any{err.Error()})
	}
	return results, nil
}

// machineID returns the id of the machine, as every object on a bus must.
func machineID() ([]any, *dbus.Error) {
	for _, name := range []string{"/etc/machine-id", "/var/lib/dbus/machine-id"} {
		if id, err := os.ReadFile(name); err == nil {
			return []any{strings.TrimSpace(string(id))}, nil
		}
	}
	return nil, dbus.NewError(errorPrefix+"Failed", []any{"the machine has no id, see machine-id(5)"})
}

// reply sends the results of a call, or the error if there is one.
func (s *server) reply(call *dbus.Message, results []any, failure *dbus.Error) {
	if call.Flags&dbus.FlagNoReplyExpected != 0 {
		return
	}
	fields := []field{{dbus.FieldReplySerial, call.Serial()}}
	if sender := text(call, dbus.FieldSender); sender != "" {
		fields = append(fields, field{dbus.FieldDestination, sender})
	}
	if failure == nil {
		err := s.send(dbus.TypeMethodReply, fields, results)
		if err == nil {
			return
		}
		failure = dbus.NewError(errorPrefix+"LimitsExceeded", []any{err.Error()})
	}
	// An error is a name and a line of text: it can be sent.
	_ = s.send(dbus.TypeError, append(fields, field{dbus.FieldErrorName, failure.Name}), failure.Body)
}

// signal is a signal of an object.
type signal struct {
	iface, name string
	args        []any
}

// emit sends a signal.
func (s *server) emit(sig signal) error {
	return s.send(dbus.TypeSignal, []field{
		{dbus.FieldPath, root + "/" + dbus.ObjectPath(sig.iface)},
		{dbus.FieldInterface, busName + "." + sig.iface},
		{dbus.FieldMember, sig.name},
	}, sig.args)
}

// send writes a message. The error is that it cannot be written as one; an end of
// the connection is noticed by its reader.
func (s *server) send(kind dbus.Type, fields []field, body []any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	// 0 is no serial.
	s.serial = max(1, s.serial+1)
	b, err := appendMessage(s.buffer[:0], kind, s.serial, fields, body)
	if cap(b) <= maxKeptBuffer {
		s.buffer = b
	}
	if err == nil {
		_, _ = s.conn.Write(b)
	}
	return err
}

// text returns a header field that is a string, "" where it is absent.
func text(msg *dbus.Message, field dbus.HeaderField) string {
	value, _ := msg.Headers[field].Value().(string)
	return value
}
