package dbus

import (
	"reflect"
	"strings"
	"unicode/utf8"
)

// clean returns a value in which all text can be sent: a bus disconnects who
// sends text that is not UTF-8 or holds a zero byte, and contacts may send us such.
func clean(v any) any {
	if !unclean(reflect.ValueOf(v)) {
		return v
	}
	return cleaned(reflect.ValueOf(v)).Interface()
}

func cleanText(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// unclean reports whether there is text in v that cannot be sent.
func unclean(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String:
		return !utf8.ValidString(v.String()) || strings.IndexByte(v.String(), 0) >= 0
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return false
		}
		for i := range v.Len() {
			if unclean(v.Index(i)) {
				return true
			}
		}
	case reflect.Map:
		for entries := v.MapRange(); entries.Next(); {
			if unclean(entries.Key()) || unclean(entries.Value()) {
				return true
			}
		}
	}
	return false
}

// cleaned returns a copy of v whose text can be sent.
func cleaned(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.String:
		return reflect.ValueOf(cleanText(v.String())).Convert(v.Type())
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return v
		}
		c := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			c.Index(i).Set(cleaned(v.Index(i)))
		}
		return c
	case reflect.Map:
		c := reflect.MakeMapWithSize(v.Type(), v.Len())
		for entries := v.MapRange(); entries.Next(); {
			c.SetMapIndex(cleaned(entries.Key()), cleaned(entries.Value()))
		}
		return c
	}
	return v
}
