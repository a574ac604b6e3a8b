// Package msgpack reads and writes the subset of MessagePack that Jami peers
// use, over a byte slice and without reflection.
//
// Writing stands on the functions of tinylib/msgp, with canonical integers: a
// non-negative number is always written in the unsigned family, as signed bodies
// require. Reading is a [Reader] of its own, which takes blobs in every form that
// peers send, and checks every announced count against the bytes that remain
// before anything is allocated.
package msgpack

import "github.com/tinylib/msgp/msgp"

// AppendMap appends the header of a map of n pairs.
func AppendMap(b []byte, n int) []byte { return msgp.AppendMapHeader(b, uint32(n)) }

// AppendArray appends the header of an array of n elements.
func AppendArray(b []byte, n int) []byte { return msgp.AppendArrayHeader(b, uint32(n)) }

// AppendUint appends v in its shortest form.
func AppendUint(b []byte, v uint64) []byte { return msgp.AppendUint64(b, v) }

// AppendInt appends v in its shortest form; a non-negative v is written in the
// unsigned family, as the peers do.
func AppendInt(b []byte, v int64) []byte {
	if v >= 0 {
		return msgp.AppendUint64(b, uint64(v))
	}
	return msgp.AppendInt64(b, v)
}

// AppendString appends s as str.
func AppendString(b []byte, s string) []byte { return msgp.AppendString(b, s) }

// AppendBin appends p as bin.
func AppendBin(b, p []byte) []byte { return msgp.AppendBytes(b, p) }

// AppendBool appends v.
func AppendBool(b []byte, v bool) []byte { return msgp.AppendBool(b, v) }

// AppendNil appends nil.
func AppendNil(b []byte) []byte { return msgp.AppendNil(b) }
