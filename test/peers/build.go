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
	"sync"
	"testing"

	"rollcall/test/leftout"
)

//go:embed dhtpeer/dhtpeer.cpp
var dhtPeerSource string

var (
	building sync.Mutex              // held while a program is built; protects built
	built    = make(map[string]bool) // by program
)

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

	program := filepath.Join(programs(t), fmt.Sprintf("dhtpeer-%x", digest[:8]))
	building.Lock()
	defer building.Unlock()
	if _, err := os.Stat(program); !errors.Is(err, fs.ErrNotExist) {
		return program
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

// buildGo compiles a program of this module, once in a test process, and returns
// it.
func buildGo(t testing.TB, pkg string) string {
	t.Helper()
	program := filepath.Join(programs(t), filepath.Base(pkg))
	building.Lock()
	defer building.Unlock()
	if built[program] {
		return program
	}
	// The go command leaves the file alone when it is up to date.
	build := exec.Command("go", "build", "-buildvcs=false", "-o", program, pkg)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", pkg, err, out)
	}
	built[program] = true
	return program
}

// programs returns the directory of compiled programs: one for each checkout,
// as these may differ.
func programs(t testing.TB) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	checkout := sha256.Sum256([]byte(here))
	dir := filepath.Join(cache, "rollcall-test", fmt.Sprintf("%x", checkout[:4]))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
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
