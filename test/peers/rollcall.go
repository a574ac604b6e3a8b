package peers

import "testing"

// RollcallDaemon is our daemon, with more flags.
func RollcallDaemon(flags ...string) DaemonKind {
	return DaemonKind{"rollcall", func(t testing.TB) []string {
		return append([]string{buildGo(t, "rollcall/cmd/rollcall"), "daemon", "--persistent"}, flags...)
	}}
}
