package keyfile

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"rollcall/identity"
)

func TestWriteReplacesWhole(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	if err := os.WriteFile(path, []byte("an old and longer content"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, []byte("new")); err != nil {
		t.Fatal(err)
	}
	got, err := Read(path, 3)
	if err != nil || string(got) != "new" {
		t.Errorf("read %q, %v", got, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, err := Read(path, 2); err == nil {
		t.Error("a file over the limit was read")
	}
	onlyFile(t, dir)
}

// TestFailedWrite leaves no temporary file, and the old content.
func TestFailedWrite(t *testing.T) {
	dir := t.TempDir()
	if err := Write(filepath.Join(dir, "none", "f"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a directory: %v", err)
	}
	// A directory cannot be replaced by a file.
	path := filepath.Join(dir, "f")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, []byte("x")); err == nil {
		t.Error("replaced a directory")
	}
	onlyFile(t, dir)
}

func onlyFile(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left in the directory: %v, %v", entries, err)
	}
}

func TestDeviceFiles(t *testing.T) {
	_, d, err := identity.Generate(context.Background(), identity.Config{Bits: 1024}, time.Now(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := WriteDevice(dir, d); err != nil {
		t.Fatal(err)
	}
	back, err := ReadDevice(dir)
	if err != nil || back.ID() != d.ID() || back.Account() != d.Account() {
		t.Fatalf("read back %v, %v", back, err)
	}
	if !bytes.Equal(back.Chain().AppendPEM(nil), d.Chain().AppendPEM(nil)) {
		t.Error("the chain differs")
	}
}

// TestRealDevice reads what the 2023 daemon wrote.
func TestRealDevice(t *testing.T) {
	d, err := ReadDevice(filepath.Join("..", "testdata"))
	if err != nil || d.ID().String() != "10b48c9a4c20a2572a6d10385782eb5ddd229460" {
		t.Fatalf("ReadDevice = %v, %v", d, err)
	}
}

func TestBadDeviceFiles(t *testing.T) {
	for _, missing := range []string{DeviceChain, DeviceKey} {
		for _, content := range []string{"", "x"} {
			dir := t.TempDir()
			for _, name := range []string{DeviceChain, DeviceKey} {
				b, err := os.ReadFile(filepath.Join("..", "testdata", name))
				if err != nil {
					t.Fatal(err)
				}
				if name == missing {
					b = []byte(content)
				}
				if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := ReadDevice(dir); !errors.Is(err, identity.ErrMalformed) {
				t.Errorf("%s is %q: %v", missing, content, err)
			}
			if err := os.Remove(filepath.Join(dir, missing)); err != nil {
				t.Fatal(err)
			}
			if _, err := ReadDevice(dir); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("without %s: %v", missing, err)
			}
		}
	}
}
