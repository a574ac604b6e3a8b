package main

import (
	"os"
	"regexp"
	"strconv"
	"testing"
)

// mappedFiles returns how much of files is mapped into this process, in kB.
func mappedFiles(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`RssFile:\s*(\d+) kB`).FindSubmatch(status)
	if m == nil {
		t.Fatalf("no RssFile in %s", status)
	}
	kb, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kb
}

func TestDropProgramPages(t *testing.T) {
	before := mappedFiles(t)
	if err := dropProgramPages(); err != nil {
		t.Fatal(err)
	}
	if after := mappedFiles(t); after >= before {
		t.Errorf("%d kB of files were mapped, %d kB are", before, after)
	}
}
