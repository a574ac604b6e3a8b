// Package leftout lets a test that cannot run on this machine say so in a way
// that test.sh counts and repeats, instead of passing in silence.
package leftout

import (
	"fmt"
	"os"
	"testing"
)

// Test skips t as part of a group of tests that needs what this machine lacks.
// Where the environment names a file in ROLLCALL_LEFT_OUT, the line "group:
// reason" is appended to it.
func Test(t testing.TB, group, reason string) {
	t.Helper()
	if name := os.Getenv("ROLLCALL_LEFT_OUT"); name != "" {
		if err := appendLine(name, group+": "+reason); err != nil {
			t.Fatalf("noting that the test is left out: %v", err)
		}
	}
	t.Skipf("left out: %s: %s", group, reason)
}

func appendLine(name, line string) error {
	file, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(file, line); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}
