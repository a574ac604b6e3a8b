package peers

import "testing"

// RollcallDaemon is our daemon, with more flags.
func RollcallDaemon(flags ...string) DaemonKind {
	return DaemonKind{"rollcall", func(t testing.TB) []string {
		return append([]string{buildGo(t, "rollcall/cmd/rollcall"), "daemon", "--persistent"}, flags...)
	}}
}

// DaemonProgram is a daemon that is started by this command line.
func DaemonProgram(name string, line ...string) DaemonKind {
	return DaemonKind{name, func(testing.TB) []string { return line }}
}
