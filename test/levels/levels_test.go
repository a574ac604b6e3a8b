// Package levels holds the import graph to the four levels of
// docs/architecture.md: codecs, cores, drivers, services. The levels are listed
// in levels.txt.
//
// Codecs and cores are functions of their input: besides importing downwards
// only, they may touch neither network, files, logs, clocks, global randomness
// nor goroutines, and use nothing outside the standard library but what
// allowedModules names. Test files are free to import what they need.
package levels

import (
	"bufio"
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "rollcall"

// ranks orders the levels; a package imports packages of its own rank or lower.
var ranks = map[string]int{"codec": 0, "core": 1, "driver": 2, "service": 3, "test": 4}

// pure is the highest rank whose packages must be functions of their input.
const pure = 1

// allowedModules are the modules that codecs and cores may import.
var allowedModules = []string{"golang.org/x/crypto", "github.com/tinylib/msgp", "github.com/pion/stun/v4", "github.com/emiago/sipgo/sip"}

// forbiddenImports are the parts of the standard library that reach outside of
// the process or draw randomness that no caller passed in. An entry stands for
// the packages below it too.
var forbiddenImports = []string{
	"net", "os", "io/ioutil", "syscall", "unsafe",
	"log", "crypto/rand", "math/rand",
	"runtime", "plugin", "testing", "expvar",
}

// allowedImports are exceptions to forbiddenImports.
var allowedImports = []string{"net/netip", "math/rand/v2"}

// forbiddenNames are the names of an allowed package that codecs and cores may
// not use: the clock and its timers.
var forbiddenNames = map[string][]string{
	"time": {"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"},
}

// randNames are the only names of math/rand/v2 that codecs and cores may use:
// the others draw from the global source.
var randNames = []string{"Rand", "New", "Source", "PCG", "NewPCG", "ChaCha8", "NewChaCha8"}

func TestImportLevels(t *testing.T) {
	levels, err := readLevels("levels.txt")
	if err != nil {
		t.Fatal(err)
	}
	files, err := goFiles(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("found no Go file in the module")
	}
	for _, name := range files {
		src, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, fault := range levels.check(filepath.ToSlash(name), src) {
			t.Error(fault)
		}
	}
}

func TestCheckFindsFaults(t *testing.T) {
	levels := levelList{{"codec", "a/codec"}, {"core", "a/core"}, {"driver", "a"}, {"service", "api/..."}, {"test", "test/..."}}
	tests := []struct {
		name, file, src string
		faults          int
	}{
		{"upwards", "a/core/x.go", `package core; import _ "rollcall/a"`, 1},
		{"downwards", "a/x.go", `package a; import _ "rollcall/a/core"`, 0},
		{"sideways", "api/dbus/x.go", `package dbus; import _ "rollcall/api/http"`, 0},
		{"a test package from a driver", "a/x.go", `package a; import _ "rollcall/test/netns"`, 1},
		{"a test file may", "a/x_test.go", `package a; import _ "rollcall/test/netns"`, 0},
		{"unlisted", "b/x.go", `package b`, 1},
		{"unlisted, test file", "b/x_test.go", `package b`, 1},
		{"import of unlisted", "a/x.go", `package a; import _ "rollcall/b"`, 1},
		{"net", "a/codec/x.go", `package codec; import _ "net"`, 1},
		{"below net", "a/codec/x.go", `package codec; import _ "net/http"`, 1},
		{"net/netip", "a/codec/x.go", `package codec; import _ "net/netip"`, 0},
		{"net in a driver", "a/x.go", `package a; import _ "net"`, 0},
		{"foreign module", "a/core/x.go", `package core; import _ "example.org/m"`, 1},
		{"allowed module", "a/core/x.go", `package core; import _ "golang.org/x/crypto/argon2"`, 0},
		{"clock", "a/core/x.go", `package core; import "time"; var t = time.Now()`, 1},
		{"clock as a value", "a/core/x.go", `package core; import "time"; var t = time.Now`, 1},
		{"clock by another name", "a/core/x.go", `package core; import t "time"; var x = t.Since`, 1},
		{"dot import", "a/core/x.go", `package core; import . "time"`, 1},
		{"time as data", "a/core/x.go", `package core; import "time"; func f(t time.Time) { t.After(t) }`, 0},
		{"global randomness", "a/core/x.go", `package core; import "math/rand/v2"; var n = rand.IntN(5)`, 1},
		{"own randomness", "a/core/x.go", `package core; import "math/rand/v2"; var r *rand.Rand = rand.New(rand.NewPCG(1, 2))`, 0},
		{"old randomness", "a/core/x.go", `package core; import _ "math/rand"`, 1},
		{"goroutine", "a/core/x.go", `package core; func f() { go f() }`, 1},
		{"lock in a core", "a/core/x.go", `package core; import _ "sync"`, 1},
		{"pool in a codec", "a/codec/x.go", `package codec; import _ "sync"`, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := levels.check(tt.file, []byte(tt.src)); len(got) != tt.faults {
				t.Errorf("faults = %q, want %d", got, tt.faults)
			}
		})
	}
}

// levelList is levels.txt: pairs of level and package path.
type levelList [][2]string

func readLevels(name string) (levelList, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var list levelList
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) == 2 && fields[0] != "#" {
			list = append(list, [2]string{fields[0], fields[1]})
		}
	}
	return list, lines.Err()
}

// level returns the level of the package at pkg, a path relative to the module.
func (l levelList) level(pkg string) (string, bool) {
	for _, entry := range l {
		tree, isTree := strings.CutSuffix(entry[1], "/...")
		if entry[1] == pkg || isTree && within(pkg, tree) {
			_, known := ranks[entry[0]]
			return entry[0], known
		}
	}
	return "", false
}

// check returns what is wrong with one file. name is relative to the module's
// root, with slashes.
func (l levelList) check(name string, src []byte) []string {
	pkg := path.Dir(name)
	level, ok := l.level(pkg)
	if !ok {
		return []string{name + ": package " + pkg + " has no level: add it to test/levels/levels.txt"}
	}
	if strings.HasSuffix(name, "_test.go") {
		return nil
	}
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, src, parser.SkipObjectResolution)
	if err != nil {
		return []string{err.Error()}
	}
	var faults []string
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return []string{err.Error()}
		}
		if why := l.importFault(level, imported); why != "" {
			faults = append(faults, set.Position(spec.Pos()).String()+": "+level+" "+why)
		}
	}
	if ranks[level] <= pure {
		faults = append(faults, impurities(set, file)...)
	}
	return faults
}

// importFault says why a package of this level may not import the path given,
// or nothing.
func (l levelList) importFault(level, imported string) string {
	if own, ok := strings.CutPrefix(imported, module+"/"); ok {
		other, ok := l.level(own)
		switch {
		case !ok:
			return "imports " + imported + ", which has no level"
		case ranks[other] > ranks[level]:
			return "imports " + imported + ", which is a " + other
		}
		return ""
	}
	if ranks[level] > pure || withinAny(imported, allowedImports) || withinAny(imported, allowedModules) {
		return ""
	}
	firstElement, _, _ := strings.Cut(imported, "/")
	switch {
	case strings.Contains(firstElement, "."):
		return "imports " + imported + ", which is not among the allowed modules"
	case withinAny(imported, forbiddenImports):
		return "imports " + imported
	case level == "core" && within(imported, "sync"):
		return "imports " + imported + ": a core has one owner and needs no lock"
	}
	return ""
}

// impurities returns the uses of clock, timers, global randomness and
// goroutines in a file.
func impurities(set *token.FileSet, file *ast.File) []string {
	var faults []string
	report := func(at ast.Node, what string) {
		faults = append(faults, set.Position(at.Pos()).String()+": "+what)
	}
	names := make(map[string]string) // local name of an import → its path
	for _, spec := range file.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value) // checked by the caller
		name := strings.TrimSuffix(imported, "/v2")
		name = path.Base(name)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		if name == "." {
			report(spec, "dot import of "+imported+" hides what is used of it")
		}
		names[name] = imported
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			report(n, "starts a goroutine")
		case *ast.SelectorExpr:
			left, ok := n.X.(*ast.Ident)
			if !ok {
				break
			}
			imported := names[left.Name]
			if slices.Contains(forbiddenNames[imported], n.Sel.Name) ||
				imported == "math/rand/v2" && !slices.Contains(randNames, n.Sel.Name) {
				report(n, "uses "+imported+"."+n.Sel.Name)
			}
		}
		return true
	})
	return faults
}

// goFiles lists the Go files below root, relative to it, without those of
// nested modules and those the go command ignores.
func goFiles(root string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		if !entry.IsDir() {
			if strings.HasSuffix(name, ".go") {
				files = append(files, rel)
			}
			return nil
		}
		if rel == "." {
			return nil
		}
		base := entry.Name()
		if base == "testdata" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
			return filepath.SkipDir
		}
		if _, err := os.Stat(filepath.Join(name, "go.mod")); err == nil {
			return filepath.SkipDir
		}
		return nil
	})
	return files, err
}

// within reports whether path p is tree or lies below it.
func within(p, tree string) bool { return p == tree || strings.HasPrefix(p, tree+"/") }

func withinAny(p string, trees []string) bool {
	return slices.ContainsFunc(trees, func(tree string) bool { return within(p, tree) })
}
