package main

import (
	"testing"

	"github.com/spf13/cobra"
)

func TestManPage(t *testing.T) {
	root := &cobra.Command{Use: "tool", Short: "A tool"}
	cmd := &cobra.Command{
		Use: "go DIR", Short: "Go to a place", Run: func(*cobra.Command, []string) {},
		Long:    "It goes.\n\n.dots and 'quotes'\n'begin' lines, a \\ and a - do not",
		Example: "  tool go -f /tmp",
	}
	cmd.Flags().BoolP("fast", "f", false, "run")
	cmd.Flags().Int("times", 3, "go `N` times")
	root.PersistentFlags().String("log-level", "", "log from this `LEVEL` on")
	root.AddCommand(cmd)
	const want = `.TH TOOL\-GO 1 "" Rollcall "User Commands"
.SH NAME
tool\-go \- Go to a place
.SH SYNOPSIS
\fBtool go DIR [flags]\fR
.SH DESCRIPTION
.nf
It goes.

\&.dots and 'quotes'
\&'begin' lines, a \e and a \- do not
.fi
.SH OPTIONS
.TP
\fB\-f\fR, \fB\-\-fast\fR
run
.TP
\fB\-\-times\fR \fIN\fR
go N times (default 3)
.SH COMMON OPTIONS
.TP
\fB\-\-log\-level\fR \fILEVEL\fR
log from this LEVEL on
.SH EXAMPLE
.nf
  tool go \-f /tmp
.fi
.SH SEE ALSO
\fBtool\fR(1)
`
	const wantRoot = `.TH TOOL 1 "" Rollcall "User Commands"
.SH NAME
tool \- A tool
.SH SYNOPSIS
\fBtool\fR
.SH COMMANDS
.TP
\fBgo\fR
Go to a place
.SH OPTIONS
.TP
\fB\-\-log\-level\fR \fILEVEL\fR
log from this LEVEL on
.SH SEE ALSO
\fBtool\-go\fR(1)
`
	for page, want := range map[string]string{manPage(cmd): want, manPage(root): wantRoot} {
		if page != want {
			t.Errorf("got:\n%s\nwant:\n%s", page, want)
		}
	}
}
