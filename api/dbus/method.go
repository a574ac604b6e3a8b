package dbus

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"
)

// handler is a method that does something. do is a function of the method's
// arguments, after an optional context, that returns its results. A method with
// several forms has a handler for each.
type handler struct {
	name string
	do   any
}

var contextType = reflect.TypeFor[context.Context]()

// signatures returns the signatures of the arguments and results of a handler.
func (h handler) signatures() (in, out string) {
	f := reflect.TypeOf(h.do)
	for i := range f.NumIn() {
		if f.In(i) != contextType {
			in += typeSignature(f.In(i))
		}
	}
	for i := range f.NumOut() {
		out += typeSignature(f.Out(i))
	}
	return in, out
}

// call runs the handler. args fit its signature, and may be more.
func (h handler) call(ctx context.Context, args []any) ([]any, error) {
	f := reflect.ValueOf(h.do)
	in := make([]reflect.Value, 0, f.Type().NumIn())
	for i := range f.Type().NumIn() {
		t := f.Type().In(i)
		if t == contextType {
			in = append(in, reflect.ValueOf(ctx))
			continue
		}
		arg := reflect.New(t)
		if err := dbus.Store(args[:1], arg.Interface()); err != nil {
			return nil, err
		}
		args = args[1:]
		in = append(in, arg.Elem())
	}
	var results []any
	for _, result := range f.Call(in) {
		results = append(results, result.Interface())
	}
	return results, nil
}

// method is one form of a method as it is served.
type method struct {
	in   string // signature of the arguments
	call func(ctx context.Context, args []any) ([]any, error)
}

// serve joins the declared forms of an interface's methods with their handlers
// and returns them by name, the longest signature first. A form without a handler
// answers empty values.
func serve(members []member, handlers []handler) (map[string][]method, error) {
	methods := make(map[string][]method)
	used := 0
	for _, m := range members {
		if m.kind != "method" {
			continue
		}
		results, err := empty(m.out)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
		form := method{signature(m.in), func(context.Context, []any) ([]any, error) { return results, nil }}
		for _, h := range handlers {
			in, out := h.signatures()
			if h.name == m.name && in == form.in && out == signature(m.out) {
				form.call = h.call
				used++
			}
		}
		methods[m.name] = append(methods[m.name], form)
	}
	if used != len(handlers) {
		return nil, fmt.Errorf("%d of %d handlers have the signature of a declared method", used, len(handlers))
	}
	for _, forms := range methods {
		slices.SortFunc(forms, func(a, b method) int { return len(b.in) - len(a.in) })
	}
	return methods, nil
}

// choose returns the form for the signature of a call: the longest whose
// arguments it begins with. Surplus arguments are ignored (dbus spec 1.1).
func choose(forms []method, signature string) (method, bool) {
	for _, form := range forms {
		if strings.HasPrefix(signature, form.in) {
			return form, true
		}
	}
	return method{}, false
}

// wanted returns the signatures that a method's forms have.
func wanted(forms []method) []string {
	signatures := make([]string, 0, len(forms))
	for _, form := range forms {
		signatures = append(signatures, form.in)
	}
	return signatures
}
