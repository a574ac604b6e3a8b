package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"unicode"
	"unicode/utf8"

	"rollcall/dht/infohash"
	"rollcall/dht/value"
)

// result is something that a command prints, as text or as JSON.
type result interface{ text() string }

func (f *dhtFlags) print(out io.Writer, r result) error {
	line := r.text()
	if f.json {
		b, err := json.Marshal(r)
		if err != nil {
			return err
		}
		line = string(b)
	}
	_, err := fmt.Fprintln(out, line)
	return err
}

type pingResult struct {
	Node    string  `json:"node"`
	Seconds float64 `json:"seconds"`
}

func (r pingResult) text() string {
	return fmt.Sprintf("%s answered in %.1f ms", r.Node, r.Seconds*1000)
}

type putResult struct {
	Key   infohash.Hash `json:"key"`
	ID    string        `json:"id"`
	Nodes int           `json:"nodes"`
}

func (r putResult) text() string {
	return fmt.Sprintf("stored under %v as %s on %s", r.Key, r.ID, counted(r.Nodes, "node"))
}

// valueResult is a value as the network's own JSON form has it (opendht spec
// 10), with what this program knows besides.
type valueResult struct {
	ID       string `json:"id"`
	Type     uint16 `json:"type"`
	Data     []byte `json:"data"`
	UserType string `json:"utype,omitempty"`
	Signer   string `json:"signer,omitempty"`
	Seq      uint16 `json:"seq,omitempty"`
	To       string `json:"to,omitempty"`
	Expired  bool   `json:"expired,omitempty"`
}

func newValueResult(v *value.Value, expired bool) valueResult {
	r := valueResult{
		ID: strconv.FormatUint(v.ID, 10), Type: uint16(v.Type), Data: v.Data,
		UserType: v.UserType, Seq: v.Seq, Expired: expired,
	}
	if v.Signed() {
		r.Signer = v.OwnerID().String()
	}
	if !v.Recipient.IsZero() {
		r.To = v.Recipient.String()
	}
	return r
}

func (r valueResult) text() string {
	sign := "+"
	if r.Expired {
		sign = "-"
	}
	line := fmt.Sprintf("%s %s type %d: %s", sign, r.ID, r.Type, printable(r.Data))
	if r.Signer != "" {
		line += " (signed by " + r.Signer + ")"
	}
	return line
}

// printable shows text as it is and anything else as its size, so that no value
// of the network can steer a terminal.
func printable(data []byte) string {
	if utf8.Valid(data) {
		for _, r := range string(data) {
			if !unicode.IsPrint(r) && r != '\n' && r != '\t' {
				return fmt.Sprintf("%d bytes", len(data))
			}
		}
		return string(data)
	}
	return fmt.Sprintf("%d bytes", len(data))
}
