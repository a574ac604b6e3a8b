package dbus

import (
	"embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// tables are the interfaces, a file for each. A line is a member:
//
//	method NAME(TYPE ARGUMENT, ...) -> TYPE RESULT, ... [GENERATION ...]
//	signal NAME(TYPE ARGUMENT, ...) [GENERATION ...]
//
// Types are in D-Bus notation. A line without generations belongs to all. A
// method has a line for each of its forms.
//
//go:embed interfaces/*.txt
var tables embed.FS

// interfaceNames are the objects and, with another prefix, their interfaces.
var interfaceNames = []string{
	"CallManager", "ConfigurationManager", "Instance", "NetworkServiceManager",
	"PluginManagerInterface", "PresenceManager", "VideoManager",
}

// member is a method or signal as its interface declares it.
type member struct {
	kind        string // "method" or "signal"
	name        string
	in, out     []argument // a signal has no out
	generations []Generation
}

type argument struct {
	signature string // one complete type
	name      string
}

// declared returns the members of an interface.
func declared(iface string) ([]member, error) {
	text, err := tables.ReadFile("interfaces/" + iface + ".txt")
	if err != nil {
		return nil, err
	}
	var members []member
	for line := range strings.Lines(string(text)) {
		m, err := parseMember(strings.TrimSpace(line))
		if err != nil {
			return nil, fmt.Errorf("interface %s: %w", iface, err)
		}
		members = append(members, m)
	}
	return members, nil
}

// The parts of a line: kind, name, arguments, results, generations. Types may
// contain parentheses, so the arguments end at the last one before the rest.
var memberLine = regexp.MustCompile(`^(method|signal) (\w+)\((.*?)\)(?: -> ([^\[]+?))?(?: \[([\w ]+)\])?$`)

func parseMember(line string) (member, error) {
	parts := memberLine.FindStringSubmatch(line)
	if parts == nil {
		return member{}, fmt.Errorf("not a member: %q", line)
	}
	m := member{kind: parts[1], name: parts[2]}
	var err error
	if m.in, err = parseArguments(parts[3]); err != nil {
		return member{}, fmt.Errorf("%s: %w", m.name, err)
	}
	if m.out, err = parseArguments(parts[4]); err != nil {
		return member{}, fmt.Errorf("%s: %w", m.name, err)
	}
	if parts[5] == "" {
		m.generations = generations
		return m, nil
	}
	for name := range strings.FieldsSeq(parts[5]) {
		m.generations = append(m.generations, Generation(name))
	}
	return m, nil
}

func parseArguments(list string) ([]argument, error) {
	if list == "" {
		return nil, nil
	}
	var args []argument
	for text := range strings.SplitSeq(list, ", ") {
		signature, name, ok := strings.Cut(text, " ")
		if !ok {
			return nil, fmt.Errorf("argument %q has no name", text)
		}
		args = append(args, argument{signature, name})
	}
	return args, nil
}

// of reports whether the member belongs to a generation.
func (m member) of(g Generation) bool { return slices.Contains(m.generations, g) }

// signature returns the types of arguments, joined.
func signature(args []argument) string {
	var b strings.Builder
	for _, arg := range args {
		b.WriteString(arg.signature)
	}
	return b.String()
}
