package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"rollcall/bench/server"
	"rollcall/bench/stats"
)

// column is one figure of a table.
type column struct {
	figure string
	title  string
	format string
	spread bool // show the ends of the range too
}

// table is the layout for one bench.
type table struct {
	bench, title string
	columns      []column
	// ratios names the figures to show as Rollcall's share of the reference's.
	ratios []string
}

// own is the program that a ratio compares with the reference.
const own = server.RollcallName

// references are the programs that it is compared with: one for nodes, one for
// daemons.
var references = []string{server.OpenDHTName, "jamid"}

var tables = []table{
	{"throughput", "One server, one core: throughput (B1)", []column{
		{"cpu_us", "CPU µs/request", "%.2f", true},
		{"rate", "requests/s", "%.0f", false},
		{"p50_us", "p50 µs", "%.0f", false},
		{"p99_us", "p99 µs", "%.0f", false},
		{"p999_us", "p99.9 µs", "%.0f", false},
		{"loss", "lost %", "%.2f", false},
		{"busy", "server busy %", "%.0f", false},
		{"bytes", "bytes/reply", "%.0f", false},
	}, []string{"cpu_us", "p99_us"}},
	{"overload", "Open loop at twice the saturation rate (B1)", []column{
		{"saturation", "saturation/s", "%.0f", false},
		{"offered", "offered/s", "%.0f", false},
		{"rate", "answered/s", "%.0f", true},
		{"loss", "lost %", "%.1f", false},
		{"p50_us", "p50 µs", "%.0f", false},
		{"p99_us", "p99 µs", "%.0f", false},
		{"recovery_ms", "recovered after ms", "%.0f", true},
	}, []string{"rate"}},
	{"pingpong", "Put and notification (B2)", []column{
		{"rate", "exchanges/s", "%.0f", true},
		{"p50_us", "notified p50 µs", "%.0f", true},
		{"p99_us", "p99 µs", "%.0f", false},
		{"cpu_us", "CPU µs/exchange", "%.2f", false},
		{"repeated", "puts repeated", "%.0f", false},
	}, []string{"p50_us", "p99_us"}},
	{"memory", "Memory (B12)", []column{
		{"idle_rss", "idle RSS MB", "%.1f", false},
		{"idle_anon", "idle anonymous MB", "%.1f", false},
		{"warm_rss", "warm RSS MB", "%.1f", false},
		{"warm_anon", "warm anonymous MB", "%.1f", false},
		{"rss", "RSS MB", "%.1f", false},
		{"anon", "anonymous MB", "%.1f", false},
		{"each", "bytes each (RSS)", "%.0f", true},
		{"each_anon", "bytes each (anonymous)", "%.0f", false},
		{"kept", "kept %", "%.1f", false},
	}, []string{"each", "idle_rss"}},
	{"reflection", "Answers to an address that has proved nothing (B9)", []column{
		{"in", "bytes in", "%.0f", false},
		{"out", "bytes out", "%.0f", false},
		{"ratio", "out per in", "%.2f", false},
		{"datagrams", "datagrams", "%.0f", false},
		{"later", "bytes later", "%.0f", false},
	}, nil},
	{"start", "From start to the first good nodes (B10)", []column{
		{"first_ms", "first ms", "%.0f", true},
		{"eight_ms", "eight ms", "%.0f", true},
	}, []string{"first_ms"}},
	{"idle", "Idle in a network (B12)", []column{
		{"cpu", "CPU % of a core", "%.3f", true},
		{"wakeups", "wake-ups/s", "%.1f", false},
		{"rss", "RSS MB", "%.1f", false},
		{"anon", "anonymous MB", "%.1f", false},
	}, []string{"cpu", "rss"}},
	{"daemon start", "A daemon: accounts and restarts (B10)", []column{
		{"registered_ms", "registered after ms", "%.0f", true},
		{"cpu_ms", "CPU ms until announced", "%.0f", true},
		{"exit_ms", "SIGTERM to exit ms", "%.0f", true},
	}, []string{"registered_ms", "cpu_ms", "exit_ms"}},
	{"daemon calls", "A daemon: contacts over D-Bus (B7)", []column{
		{"p50_ms", "p50 ms", "%.2f", true},
		{"p99_ms", "p99 ms", "%.2f", false},
		{"cpu_ms", "CPU ms/call", "%.3f", true},
	}, []string{"p50_ms", "cpu_ms"}},
	{"daemon idle", "A daemon: idle (B7, B12)", []column{
		{"rss", "RSS MB", "%.1f", true},
		{"pss", "PSS MB", "%.1f", false},
		{"anon", "anonymous MB", "%.1f", false},
		{"cpu", "CPU % of a core", "%.2f", true},
		{"wakeups", "wake-ups/s", "%.1f", false},
	}, []string{"rss", "pss", "cpu"}},
	{"daemon accounts", "A daemon: very many accounts", []column{
		{"announced_s", "start to all announced s", "%.1f", true},
		{"start_cpu_s", "CPU until then s", "%.1f", true},
		{"rss", "RSS MB", "%.0f", true},
		{"each_kb", "kB per account", "%.0f", false},
		{"cpu", "CPU % of a core", "%.2f", true},
		{"exit_ms", "SIGTERM to exit ms", "%.0f", true},
	}, nil},
	{"daemon contacts", "A daemon: very many connected contacts", []column{
		{"connected_s", "start to all connected s", "%.1f", true},
		{"start_cpu_s", "CPU until then s", "%.1f", true},
		{"rss", "RSS MB", "%.0f", true},
		{"anon", "anonymous MB", "%.0f", false},
		{"cpu", "CPU % of a core", "%.2f", true},
		{"wakeups", "wake-ups/s", "%.1f", false},
	}, nil},
	{"daemon throughput", "Two devices: a file through a channel", []column{
		{"mb_per_s", "MB/s", "%.1f", true},
		{"cpu_s_per_gb", "CPU s/GB of both", "%.1f", true},
	}, []string{"mb_per_s", "cpu_s_per_gb"}},
	{"daemon peers", "Two daemons: presence and requests (B5, B6)", []column{
		{"ms", "ms", "%.1f", true},
	}, []string{"ms"}},
}

// row identifies a line of a table: all rounds of one program at one case.
type row struct {
	label   string
	window  int
	program string
}

// Markdown writes the tables of every bench that run has records of.
func Markdown(w io.Writer, run *Run) {
	fmt.Fprintf(w, "%s, %d rounds, %s, %d cores, Linux %s, %s", run.Meta.Mode, run.Meta.Rounds,
		run.Meta.CPU, run.Meta.Cores, run.Meta.Kernel, run.Meta.Go)
	for _, name := range slices.Sorted(maps.Keys(run.Meta.Versions)) {
		fmt.Fprintf(w, ", %s %s", name, run.Meta.Versions[name])
	}
	fmt.Fprintln(w, ".")
	for _, t := range tables {
		t.markdown(w, run.Records)
	}
}

func (t *table) markdown(w io.Writer, records []Record) {
	figures := make(map[row]map[string][]float64)
	var order []row
	for _, r := range records {
		if r.Bench != t.bench {
			continue
		}
		key := row{r.Case, r.Window, r.Program}
		if figures[key] == nil {
			figures[key] = make(map[string][]float64)
			order = append(order, key)
		}
		for name, v := range r.Figures {
			figures[key][name] = append(figures[key][name], v)
		}
	}
	if len(order) == 0 {
		return
	}
	windows := slices.ContainsFunc(order, func(k row) bool { return k.window > 0 })
	t.head(w, windows)
	slices.SortStableFunc(order, func(a, b row) int { return compareRows(order, a, b) })
	for _, key := range order {
		cells := []string{key.label + mark(figures[key]["limited"])}
		if windows {
			cells = append(cells, fmt.Sprint(key.window))
		}
		cells = append(cells, key.program)
		for _, c := range t.columns {
			cells = append(cells, c.cell(figures[key][c.figure]))
		}
		for _, name := range t.ratios {
			var other []float64
			for _, reference := range references {
				other = append(other, figures[row{key.label, key.window, reference}][name]...)
			}
			cells = append(cells, ratio(key.program, figures[key][name], other))
		}
		fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
	}
}

// mark flags a row in most rounds of which the server was not the limit.
func mark(limited []float64) string {
	if stats.Summarize(limited).Median > 0.5 {
		return " †"
	}
	return ""
}

// compareRows keeps the cases in the order of their first record, and brings the
// windows and programs of one case together.
func compareRows(order []row, a, b row) int {
	first := func(k row) int {
		return slices.IndexFunc(order, func(o row) bool { return o.label == k.label })
	}
	if a.label != b.label {
		return first(a) - first(b)
	}
	if a.window != b.window {
		return a.window - b.window
	}
	return strings.Compare(a.program, b.program)
}

func (t *table) head(w io.Writer, windows bool) {
	titles, rules := []string{"case"}, []string{"---"}
	if windows {
		titles, rules = append(titles, "in flight"), append(rules, "--:")
	}
	titles, rules = append(titles, "program"), append(rules, "---")
	for _, c := range t.columns {
		titles, rules = append(titles, c.title), append(rules, "--:")
	}
	for _, name := range t.ratios {
		i := slices.IndexFunc(t.columns, func(c column) bool { return c.figure == name })
		titles, rules = append(titles, "ratio of "+t.columns[i].title), append(rules, "--:")
	}
	fmt.Fprintf(w, "\n### %s\n\n| %s |\n| %s |\n", t.title, strings.Join(titles, " | "), strings.Join(rules, " | "))
}

func (c *column) cell(values []float64) string {
	if len(values) == 0 {
		return "–"
	}
	s := stats.Summarize(values)
	text := fmt.Sprintf(c.format, s.Median)
	if c.spread && len(values) > 1 {
		text += fmt.Sprintf(" ("+c.format+"–"+c.format+")", s.Min, s.Max)
	}
	return text
}

func ratio(program string, values, base []float64) string {
	b := stats.Summarize(base).Median
	if program != own || b == 0 || len(values) == 0 {
		return ""
	}
	return fmt.Sprintf("**%.2f×**", stats.Summarize(values).Median/b)
}
