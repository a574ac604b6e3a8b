package dbus

import (
	"fmt"
	"slices"
	"strings"
)

// Generation is a generation of the interface (dbus spec 7).
type Generation string

// The generations, from the newest to the oldest.
const (
	Generation2026 Generation = "2026"
	Generation2023 Generation = "2023"
	// Documented is the form of Jami's page on contact management: as 2023, with
	// signals of its own for presence and trust requests.
	Documented Generation = "documented"
)

var generations = []Generation{Generation2026, Generation2023, Documented}

// DefaultGenerations are the generations whose signals are emitted unless
// configured otherwise.
const DefaultGenerations = "2023,2026"

// ParseGenerations reads a list of generations, separated by commas.
func ParseGenerations(list string) ([]Generation, error) {
	var parsed []Generation
	for name := range strings.SplitSeq(list, ",") {
		g := Generation(strings.TrimSpace(name))
		if !slices.Contains(generations, g) {
			return nil, fmt.Errorf("dbus-api %q: generation %q is none of documented, 2023, 2026", list, name)
		}
		if !slices.Contains(parsed, g) {
			parsed = append(parsed, g)
		}
	}
	return parsed, nil
}

// newest returns the newest generation of a list that is not empty.
func newest(list []Generation) Generation {
	return slices.MinFunc(list, func(a, b Generation) int {
		return slices.Index(generations, a) - slices.Index(generations, b)
	})
}
