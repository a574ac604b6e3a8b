package dbus

import (
	"fmt"
	"reflect"
)

// basicTypes are the Go types of the basic types of D-Bus that the interface
// uses.
var basicTypes = map[byte]reflect.Type{
	'b': reflect.TypeFor[bool](),
	'y': reflect.TypeFor[byte](),
	'q': reflect.TypeFor[uint16](),
	'i': reflect.TypeFor[int32](),
	'u': reflect.TypeFor[uint32](),
	'x': reflect.TypeFor[int64](),
	't': reflect.TypeFor[uint64](),
	'd': reflect.TypeFor[float64](),
	's': reflect.TypeFor[string](),
}

// goType returns the Go type of the first complete type of a signature, and
// the rest of the signature.
func goType(signature string) (reflect.Type, string, error) {
	if signature == "" {
		return nil, "", fmt.Errorf("type is missing")
	}
	first, rest := signature[0], signature[1:]
	switch {
	case first == 'a' && rest != "" && rest[0] == '{':
		key, rest, err := goType(rest[1:])
		if err != nil {
			return nil, "", err
		}
		value, rest, err := goType(rest)
		if err != nil {
			return nil, "", err
		}
		if rest == "" || rest[0] != '}' {
			return nil, "", fmt.Errorf("dictionary is not closed in %q", signature)
		}
		return reflect.MapOf(key, value), rest[1:], nil
	case first == 'a':
		element, rest, err := goType(rest)
		if err != nil {
			return nil, "", err
		}
		return reflect.SliceOf(element), rest, nil
	case first == '(':
		return goStruct(rest)
	}
	t, ok := basicTypes[first]
	if !ok {
		return nil, "", fmt.Errorf("unknown type %q", signature)
	}
	return t, rest, nil
}

// goStruct returns the Go type of a struct whose parenthesis is open.
func goStruct(signature string) (reflect.Type, string, error) {
	var fields []reflect.StructField
	for rest := signature; rest != ""; {
		if rest[0] == ')' {
			return reflect.StructOf(fields), rest[1:], nil
		}
		var field reflect.Type
		var err error
		if field, rest, err = goType(rest); err != nil {
			return nil, "", err
		}
		fields = append(fields, reflect.StructField{Name: fmt.Sprintf("F%d", len(fields)), Type: field})
	}
	return nil, "", fmt.Errorf("struct is not closed in %q", signature)
}

// empty returns an empty value of each type: the reply of a method that does
// nothing here.
func empty(args []argument) ([]any, error) {
	values := make([]any, 0, len(args))
	for _, arg := range args {
		t, rest, err := goType(arg.signature)
		if err != nil {
			return nil, err
		}
		if rest != "" {
			return nil, fmt.Errorf("%q is more than one type", arg.signature)
		}
		values = append(values, reflect.Zero(t).Interface())
	}
	return values, nil
}
