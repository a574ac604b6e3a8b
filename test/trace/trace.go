// Package trace runs scripted traces of cores: files of commands with the
// effects that they are to have, so that a change of behaviour is a readable
// difference.
//
//	# A comment, anywhere between blocks.
//	command word key=value
//	command
//	----
//	what the commands of the block print
//
// A blank line ends a block. Run tests with -update-traces to write what the
// commands print into the files.
package trace

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update-traces", false, "write what commands print into the traces")

const separator = "----"

// Command is one line of a script: words, the first of which names the command,
// and settings of the form key=value.
type Command struct {
	Name     string
	Words    []string // after the name, without settings
	Settings map[string]string
}

// Word returns word i after the name, or "".
func (c Command) Word(i int) string {
	if i >= len(c.Words) {
		return ""
	}
	return c.Words[i]
}

// Run runs every trace that matches pattern in a test of its own. start makes
// what executes the commands of one file: a function that returns the lines that
// a command prints, each ended by a line feed.
func Run(t *testing.T, pattern string, start func() func(Command) (string, error)) {
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("no trace matches %s: %v", pattern, err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) { runFile(t, name, start()) })
	}
}

func runFile(t *testing.T, name string, execute func(Command) (string, error)) {
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	blocks := strings.Split(strings.TrimRight(string(text), "\n"), "\n\n")
	for i, block := range blocks {
		commands, want, _ := strings.Cut(block, "\n"+separator)
		want = strings.TrimPrefix(want, "\n")
		got, err := runBlock(commands, execute)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got = strings.TrimRight(got, "\n")
		if got != want && !*update {
			t.Fatalf("%s, block %d:\n%s\n--- printed\n%s\n--- wanted\n%s", name, i+1, commands, got, want)
		}
		out.WriteString(commands + "\n")
		if strings.Contains(block, separator) || got != "" {
			out.WriteString(strings.TrimRight(separator+"\n"+got, "\n") + "\n")
		}
		if i+1 < len(blocks) {
			out.WriteString("\n")
		}
	}
	if *update {
		if err := os.WriteFile(name, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func runBlock(commands string, execute func(Command) (string, error)) (string, error) {
	var out strings.Builder
	for line := range strings.SplitSeq(commands, "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		printed, err := execute(parse(line))
		if err != nil {
			return "", fmt.Errorf("%q: %w", line, err)
		}
		out.WriteString(printed)
	}
	return out.String(), nil
}

func parse(line string) Command {
	words := strings.Fields(line)
	c := Command{Name: words[0], Settings: make(map[string]string)}
	for _, word := range words[1:] {
		if key, setting, ok := strings.Cut(word, "="); ok {
			c.Settings[key] = setting
		} else {
			c.Words = append(c.Words, word)
		}
	}
	return c
}
