// Command rollcall is presence and contact management for the Jami network.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:]))
}

// run executes a command line and returns the exit code.
func run(ctx context.Context, args []string) int {
	root := &cobra.Command{
		Use:           "rollcall",
		Short:         "Presence and contacts for the Jami network",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(
		accountCommand(), contactCommand(), requestCommand(), presenceCommand(), noteCommand(), textCommand(),
		watchCommand(), peersCommand(),
		nameCommand(), statusCommand(), doctorCommand(), daemonCommand(), demoCommand(), backupCommand(),
		restoreCommand(), nodeCommand(), dhtCommand(), manCommand(),
	)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "rollcall:", err)
	var failure *failure
	if errors.As(err, &failure) {
		return failure.code
	}
	return codeUsage
}

// Exit codes, the same for every command.
const (
	codeUsage     = 1 // a wrong flag or argument
	codeRunning   = 1 // another daemon runs; what starts Jami's daemon knows this code
	codeNoAnswer  = 2 // nobody answered
	codeNotFound  = 3 // nothing is there
	codeTooLarge  = 4 // the value does not fit
	codeRecipient = 5 // the value is for somebody else, or cannot be encrypted to
	codeHost      = 6 // a host name is unknown
	codeInternal  = 7 // the machine refused something: a file, a port
)

// failure is an error with its exit code.
type failure struct {
	code int
	err  error
}

func (f *failure) Error() string { return f.err.Error() }

func (f *failure) Unwrap() error { return f.err }

func fail(code int, format string, args ...any) error {
	return &failure{code, fmt.Errorf(format, args...)}
}
