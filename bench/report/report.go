// Package report keeps what was measured, as JSON, and turns it into tables.
package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"
)

// Marker is the line of a document after which Insert puts the tables.
const Marker = "<!-- Below this line: written by `bench report -into`. -->\n"

// Run is one complete run of the program.
type Run struct {
	Meta    Meta
	Records []Record
}

// Meta says where, when and of what the figures are.
type Meta struct {
	Time     time.Time
	Mode     string
	Rounds   int
	Kernel   string
	CPU      string
	Cores    int
	Go       string
	Versions map[string]string
}

// Record is one measurement of one program.
type Record struct {
	Bench   string // throughput, overload, memory, …
	Case    string
	Program string
	Window  int // requests in flight; 0 where it has no meaning
	Round   int
	Figures map[string]float64
}

// Write stores run at path.
func Write(path string, run *Run) error {
	raw, err := json.MarshalIndent(run, "", " ")
	if err != nil {
		return fmt.Errorf("encode results: %w", err)
	}
	if err := os.WriteFile(path, append(raw, '\n'), 0o644); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	return nil
}

// Read loads what Write stored.
func Read(path string) (*Run, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read results: %w", err)
	}
	run := &Run{}
	if err := json.Unmarshal(raw, run); err != nil {
		return nil, fmt.Errorf("%s is no result file: %w", path, err)
	}
	return run, nil
}

// Insert replaces what follows Marker in the document at path by the tables of run.
func Insert(path string, run *Run) error {
	document, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read document: %w", err)
	}
	head, _, ok := bytes.Cut(document, []byte(Marker))
	if !ok {
		return errors.New(path + " lacks the line that marks the place of the tables")
	}
	out := bytes.NewBuffer(append(head, Marker+"\n"...))
	Markdown(out, run)
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write document: %w", err)
	}
	return nil
}
