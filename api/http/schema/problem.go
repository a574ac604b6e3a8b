package schema

import (
	"fmt"
	"strings"
)

// Problem is an error of the API, by RFC 9457.
type Problem struct {
	Title  string  `json:"title,omitempty"`
	Status int     `json:"status,omitempty"`
	Detail string  `json:"detail,omitempty"`
	Errors []Fault `json:"errors,omitempty"`
}

// Fault is one thing that is wrong with a request: which part of it, what that
// was, and what is wanted.
type Fault struct {
	Location string `json:"location,omitempty"`
	Value    any    `json:"value,omitempty"`
	Message  string `json:"message,omitempty"`
}

func (p *Problem) Error() string {
	if len(p.Errors) == 0 {
		return p.Detail
	}
	faults := make([]string, len(p.Errors))
	for i, f := range p.Errors {
		faults[i] = f.String()
	}
	return strings.Join(faults, "; ")
}

func (f Fault) String() string {
	text := f.Message
	if f.Location != "" {
		text = strings.TrimPrefix(f.Location, "body.") + ": " + text
	}
	if f.Value != nil {
		text += fmt.Sprintf(", got %q", fmt.Sprint(f.Value))
	}
	return text
}
