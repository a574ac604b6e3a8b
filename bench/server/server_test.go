//go:build linux

package server

import "testing"

func TestParseMemory(t *testing.T) {
	const rollup = `55d0-7ffc ---p 00000000 00:00 0    [rollup]
Rss:               10332 kB
Pss:                4096 kB
Pss_Anon:           1300 kB
Anonymous:          1352 kB
`
	m, err := parseMemory([]byte(rollup))
	if want := (Memory{RSS: 10332 << 10, PSS: 4096 << 10, Anon: 1352 << 10}); err != nil || m != want {
		t.Errorf("%+v, %v; want %+v", m, err, want)
	}
	if _, err := parseMemory(nil); err == nil {
		t.Error("an empty map is accepted")
	}
}

func TestCPUCounts(t *testing.T) {
	before, err := CPU(0)
	if err != nil {
		t.Fatal(err)
	}
	after := before
	for x := 1; after == before; x++ {
		if after, err = CPU(0); err != nil {
			t.Fatal(err)
		}
	}
	if after < before {
		t.Errorf("the clock runs backwards: %v, %v", before, after)
	}
}
