package peers

import (
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rollcall/test/leftout"
)

//go:embed dhtpeer/dhtpeer.cpp
var dhtPeerSource string

// buildDHTPeer compiles the OpenDHT peer and returns the program. It is kept
// in the user's cache, named after everything it is made of.
func buildDHTPeer(t testing.TB) string {
	t.Helper()
	compiler := needProgram(t, "OpenDHT peers", "g++", "g++")
	pkgConfig := needProgram(t, "OpenDHT peers", "pkg-config", "pkg-config")
	flags, err := exec.Command(pkgConfig, "--cflags", "--libs", "opendht", "jsoncpp").Output()
	if err != nil {
		leftout.Test(t, "OpenDHT peers", "libopendht is not installed (package libopendht-dev)")
	}
	version, err := exec.Command(pkgConfig, "--modversion", "opendht").Output()
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte(dhtPeerSource + string(flags) + string(version)))

	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	cache = filepath.Join(cache, "rollcall-test")
	program := filepath.Join(cache, fmt.Sprintf("dhtpeer-%x", digest[:8]))
	if _, err := os.Stat(program); !errors.Is(err, fs.ErrNotExist) {
		return program
	}
	if err := os.MkdirAll(cache, 0o700); err != nil {
		t.Fatal(err)
	}
	// Another test process may build it as well: only a complete file gets the
	// name.
	unfinished := filepath.Join(t.TempDir(), "dhtpeer")
	args := append([]string{"-std=c++17", "-O1", "-Wall", "-x", "c++", "-", "-o", unfinished, "-x", "none"}, strings.Fields(string(flags))...)
	compile := exec.Command(compiler, args...)
	compile.Stdin = strings.NewReader(dhtPeerSource)
	if out, err := compile.CombinedOutput(); err != nil {
		t.Fatalf("compiling dhtpeer.cpp: %v\n%s", err, out)
	}
	if err := install(unfinished, program); err != nil {
		t.Fatal(err)
	}
	return program
}

// install copies a program to its name in one step.
func install(from, to string) error {
	program, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	temporary := fmt.Sprintf("%s.%d", to, os.Getpid())
	if err := os.WriteFile(temporary, program, 0o700); err != nil {
		return err
	}
	return os.Rename(temporary, to)
}
