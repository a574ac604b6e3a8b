package report

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func sample() *Run {
	record := func(program string, round int, cpu float64) Record {
		return Record{
			Bench: "throughput", Case: "ping", Program: program, Window: 16, Round: round,
			Figures: map[string]float64{"cpu_us": cpu},
		}
	}
	return &Run{
		Meta: Meta{Mode: "full", Rounds: 3},
		Records: []Record{
			record("dhtnode", 0, 4), record("rollcall", 0, 3),
			record("rollcall", 1, 2), record("dhtnode", 1, 5),
			record("dhtnode", 2, 4), record("rollcall", 2, 2.5),
		},
	}
}

func TestMarkdown(t *testing.T) {
	var b strings.Builder
	Markdown(&b, sample())
	for _, want := range []string{
		"| ping | 16 | dhtnode | 4.00 (4.00–5.00) |",
		"| ping | 16 | rollcall | 2.50 (2.00–3.00) |",
		"**0.62×**",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "Memory") {
		t.Error("a bench without records has a table")
	}
}

func TestMarkdownComparesDaemons(t *testing.T) {
	run := &Run{Records: []Record{
		{Bench: "daemon peers", Case: "subscribe to online", Program: "jamid", Figures: map[string]float64{"ms": 4}},
		{Bench: "daemon peers", Case: "subscribe to online", Program: "rollcall", Figures: map[string]float64{"ms": 1}},
	}}
	var b strings.Builder
	Markdown(&b, run)
	if want := "| subscribe to online | rollcall | 1.0 | **0.25×** |"; !strings.Contains(b.String(), want) {
		t.Errorf("no %q in\n%s", want, b.String())
	}
}

func TestFileRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.json")
	if err := Write(path, sample()); err != nil {
		t.Fatal(err)
	}
	got, err := Read(path)
	if err != nil || !reflect.DeepEqual(got, sample()) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestMarkdownFlagsWhatWasNotTheServersLimit(t *testing.T) {
	run := sample()
	for i := range run.Records {
		if run.Records[i].Program == "dhtnode" {
			run.Records[i].Figures["limited"] = 1
		}
	}
	var b strings.Builder
	Markdown(&b, run)
	if !strings.Contains(b.String(), "| ping † | 16 | dhtnode |") || !strings.Contains(b.String(), "| ping | 16 | rollcall |") {
		t.Error(b.String())
	}
}

func TestInsertReplacesTheTablesAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "doc.md")
	if err := os.WriteFile(path, []byte("# Method\n"+Marker+"old tables\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := Insert(path, sample()); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(got)
	if !strings.HasPrefix(text, "# Method\n"+Marker) || strings.Contains(text, "old") || strings.Count(text, "| rollcall |") != 1 {
		t.Errorf("document is now\n%s", text)
	}
}
