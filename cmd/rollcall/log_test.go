package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// TestLogSteersNoTerminal logs what others have written, as it is and quoted within an
// error.
func TestLogSteersNoTerminal(t *testing.T) {
	const steering = "\x1b[2J\x07\u202e"
	for _, coloured := range []bool{false, true} {
		var out bytes.Buffer
		log := slog.New(logHandler(&out, slog.LevelInfo, coloured))
		log.Info("told", "name", steering, "err", fmt.Errorf("certificate of %q", steering), "addr", slog.AnyValue([]string{steering}))
		for _, part := range []string{"\x1b[2J", "\x07", "\u202e"} {
			if strings.Contains(out.String(), part) {
				t.Errorf("coloured %v: %q gets through in %q", coloured, part, out.String())
			}
		}
		if lines := strings.Count(out.String(), "\n"); lines != 1 {
			t.Errorf("coloured %v: %d lines", coloured, lines)
		}
	}
	if got := harmless("line\n" + steering); got != "line\n�[2J��" {
		t.Errorf("got %q", got)
	}
}
