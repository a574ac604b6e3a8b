package dbus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/godbus/dbus/v5"
)

// Messages are written here, in one pass, and not by the connection: lists of
// contacts are long, and their text needs a look.

// The layout of a message in D-Bus, little endian; a value begins at a multiple
// of its alignment:
//
//	'l', type, flags, 1    bytes
//	length of the body     uint32
//	serial                 uint32
//	fields                 array of struct {code byte, value variant}
//	padding                to a multiple of 8
//	body

// appendMessage appends a message. It fails only for values that have no type in
// D-Bus or do not fit.
func appendMessage(b []byte, kind dbus.Type, serial uint32, fields []field, body []any) ([]byte, error) {
	if len(body) > 0 {
		var types strings.Builder
		for _, v := range body {
			types.WriteString(typeSignature(reflect.TypeOf(v)))
		}
		signature, err := dbus.ParseSignature(types.String())
		if err != nil {
			return b, fmt.Errorf("types %q cannot be sent: %w", types.String(), err)
		}
		fields = append(fields, field{dbus.FieldSignature, signature})
	}
	start := len(b)
	e := encoder{b: append(b, 'l', byte(kind), byte(dbus.FlagNoReplyExpected), 1), start: start}
	e.uint32(0)
	e.uint32(serial)
	e.array(8, func() {
		for _, f := range fields {
			e.align(8)
			e.b = append(e.b, byte(f.code))
			e.signature(dbus.SignatureOf(f.value))
			e.value(reflect.ValueOf(f.value))
		}
	})
	e.align(8)
	header := len(e.b)
	for _, v := range body {
		e.value(reflect.ValueOf(v))
	}
	binary.LittleEndian.PutUint32(e.b[start+4:], uint32(len(e.b)-header))
	if len(e.b)-start > maxMessage {
		return b, fmt.Errorf("message of %d bytes, at most %d can be sent", len(e.b)-start, maxMessage)
	}
	return e.b, e.err
}

// field is a field of a message's header.
type field struct {
	code  dbus.HeaderField
	value any // a string, uint32, ObjectPath or Signature
}

// dict is a dictionary of text, a{ss} in D-Bus, in the order in which it is
// sent. For the longest replies a map costs more than all the rest of the call.
type dict []entry

// entry is an entry of a dict.
type entry struct{ key, value string }

// encodedDicts is a []dict as it was encoded before, for replies that are asked
// for again and again. Nothing may stand before it in a message's body.
type encodedDicts []byte

func encodeDicts(list []dict) encodedDicts {
	var e encoder
	e.slice(reflect.ValueOf(list))
	return e.b
}

var (
	dictType         = reflect.TypeFor[dict]()
	encodedDictsType = reflect.TypeFor[encodedDicts]()
)

// typeSignature returns the signature of a Go type.
func typeSignature(t reflect.Type) string {
	switch {
	case t == dictType:
		return "a{ss}"
	case t == encodedDictsType:
		return "aa{ss}"
	case t.Kind() == reflect.Slice:
		return "a" + typeSignature(t.Elem())
	}
	return dbus.SignatureOfType(t).String()
}

// encoder appends values at their alignment.
type encoder struct {
	b     []byte
	start int // of the message, from which alignment counts
	err   error
}

func (e *encoder) align(n int) {
	for (len(e.b)-e.start)%n != 0 {
		e.b = append(e.b, 0)
	}
}

func (e *encoder) uint32(n uint32) {
	e.align(4)
	e.b = binary.LittleEndian.AppendUint32(e.b, n)
}

func (e *encoder) uint64(n uint64) {
	e.align(8)
	e.b = binary.LittleEndian.AppendUint64(e.b, n)
}

// text appends a string. What a bus does not pass on is replaced: it disconnects
// who sends text that is not UTF-8 or holds a zero byte, and contacts may send us
// such.
func (e *encoder) text(s string) {
	if !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	}
	e.uint32(uint32(len(s)))
	e.b = append(append(e.b, s...), 0)
}

func (e *encoder) signature(s dbus.Signature) {
	text := s.String()
	e.b = append(append(append(e.b, byte(len(text))), text...), 0)
}

// array appends an array whose elements have an alignment; the padding before the
// first does not count as its length.
func (e *encoder) array(alignment int, elements func()) {
	e.uint32(0)
	length := len(e.b) - 4
	e.align(alignment)
	first := len(e.b)
	elements()
	binary.LittleEndian.PutUint32(e.b[length:], uint32(len(e.b)-first))
}

var signatureType = reflect.TypeFor[dbus.Signature]()

func (e *encoder) value(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		e.text(v.String())
	case reflect.Bool:
		var n uint32
		if v.Bool() {
			n = 1
		}
		e.uint32(n)
	case reflect.Uint8:
		e.b = append(e.b, byte(v.Uint()))
	case reflect.Uint16:
		e.align(2)
		e.b = binary.LittleEndian.AppendUint16(e.b, uint16(v.Uint()))
	case reflect.Int32:
		e.uint32(uint32(v.Int()))
	case reflect.Uint32:
		e.uint32(uint32(v.Uint()))
	case reflect.Int64:
		e.uint64(uint64(v.Int()))
	case reflect.Uint64:
		e.uint64(v.Uint())
	case reflect.Float64:
		e.uint64(math.Float64bits(v.Float()))
	case reflect.Slice:
		e.slice(v)
	case reflect.Map:
		e.dictionary(v)
	case reflect.Struct:
		if v.Type() == signatureType {
			e.signature(v.Interface().(dbus.Signature))
			return
		}
		e.align(8)
		for i := range v.NumField() {
			e.value(v.Field(i))
		}
	default:
		e.err = fmt.Errorf("a value of type %v cannot be sent", v.Type())
	}
}

var textMapType = reflect.TypeFor[map[string]string]()

func (e *encoder) dictionary(v reflect.Value) {
	e.array(8, func() {
		// Nearly all are of text, and reflection allocates for every key and value.
		if v.CanConvert(textMapType) {
			for key, value := range v.Convert(textMapType).Interface().(map[string]string) {
				e.align(8)
				e.text(key)
				e.text(value)
			}
			return
		}
		for entries := v.MapRange(); entries.Next(); {
			e.align(8)
			e.value(entries.Key())
			e.value(entries.Value())
		}
	})
}

func (e *encoder) slice(v reflect.Value) {
	element := v.Type().Elem()
	switch {
	case v.Type() == encodedDictsType:
		// Alignment within it counts from its beginning.
		if (len(e.b)-e.start)%8 != 0 {
			e.err = errors.New("a list that was encoded before must come first")
		}
		e.b = append(e.b, v.Bytes()...)
		return
	case element.Kind() == reflect.Uint8:
		e.array(1, func() { e.b = append(e.b, v.Bytes()...) })
		return
	case v.Type() == dictType:
		e.dict(v.Interface().(dict))
		return
	case element == dictType:
		e.array(4, func() {
			for _, d := range v.Interface().([]dict) {
				e.dict(d)
			}
		})
		return
	}
	e.array(alignment(element), func() {
		for i := range v.Len() {
			e.value(v.Index(i))
		}
	})
}

func (e *encoder) dict(d dict) {
	e.array(8, func() {
		for _, entry := range d {
			e.align(8)
			e.text(entry.key)
			e.text(entry.value)
		}
	})
}

// alignment returns that of a Go type's values.
func alignment(t reflect.Type) int {
	switch t.Kind() {
	case reflect.Uint8:
		return 1
	case reflect.Uint16:
		return 2
	case reflect.Int64, reflect.Uint64, reflect.Float64, reflect.Struct:
		return 8
	}
	return 4 // also the length of a string, an array or a map
}
