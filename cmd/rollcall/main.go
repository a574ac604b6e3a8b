// Command rollcall is presence and contact management for the Jami network.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
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
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	for _, group := range []struct {
		title    string
		commands []*cobra.Command
	}{
		{"Start here:", []*cobra.Command{demoCommand(), daemonCommand(), accountCommand()}},
		{"People:", []*cobra.Command{
			contactCommand(), requestCommand(), presenceCommand(), watchCommand(), noteCommand(), textCommand(), nameCommand(),
		}},
		{"The daemon:", []*cobra.Command{statusCommand(), doctorCommand(), peersCommand(), backupCommand(), restoreCommand()}},
		{"OpenDHT:", []*cobra.Command{nodeCommand(), dhtCommand()}},
	} {
		root.AddGroup(&cobra.Group{ID: group.title, Title: group.title})
		for _, cmd := range group.commands {
			cmd.GroupID = group.title
		}
		root.AddCommand(group.commands...)
	}
	root.AddCommand(manCommand())
	root.InitDefaultHelpCmd()
	explainUsage(root)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, context.Cause(ctx))) {
		err = &failure{codeInterrupted, errors.New("interrupted")}
	}
	fmt.Fprintln(os.Stderr, "rollcall:", harmless(err.Error()))
	return exitCode(err)
}

// exitCode is that of an error, or of its cause.
func exitCode(err error) int {
	var failure *failure
	var file *fs.PathError
	switch {
	case errors.As(err, &failure):
		return failure.code
	case errors.As(err, &file):
		return codeInternal
	}
	return codeUsage
}

// version is that of the module, or of the commit that it was built from.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "unknown"
}

// explainUsage lets a command and those below it say what they want when they are
// used in a wrong way.
func explainUsage(cmd *cobra.Command) {
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		var invalid *pflag.InvalidValueError
		if errors.As(err, &invalid) {
			err = fmt.Errorf("--%s %q: %w", invalid.GetFlag().Name, invalid.GetValue(), flagCause(invalid.GetFlag(), err))
		}
		return fmt.Errorf("%w: see %s --help", err, cmd.CommandPath())
	})
	if check := cmd.Args; check != nil && !cmd.HasSubCommands() {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return fmt.Errorf("%w: want %s", err, cmd.UseLine())
			}
			return nil
		}
	}
	if cmd.Name() == "help" {
		cmd.RunE = help
	}
	for _, below := range cmd.Commands() {
		explainUsage(below)
	}
}

// help is the command of that name.
func help(cmd *cobra.Command, args []string) error {
	about, rest, err := cmd.Root().Find(args)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("unknown command %q for %q", strings.Join(rest, " "), about.CommandPath())
	}
	if err != nil {
		return fmt.Errorf("%w: see rollcall help", err)
	}
	about.InitDefaultHelpFlag()
	return about.Help()
}

// flagWants is what flags of a type want.
var flagWants = map[string]string{
	"bool":     "true or false",
	"duration": "a time, such as 90s or 1h30m",
	"int":      "a number",
	"uint16":   "a number from 0 to 65535",
	"uint32":   "a number from 0 to 4294967295",
	"uint64":   "a number from 0 on",
}

// flagCause returns what is wrong with the value of a flag, without which flag it is
// and who has found out.
func flagCause(f *pflag.Flag, err error) error {
	if want, ok := flagWants[f.Value.Type()]; ok {
		return errors.New("want " + want)
	}
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		return invalid.Unwrap()
	}
	return err
}

// Exit codes, the same for every command.
const (
	codeUsage     = 1 // a wrong flag or argument
	codeRunning   = 1 // another one has the directory or the bus; what starts Jami's daemon knows this code
	codeNoAnswer  = 2 // nobody answered
	codeNotFound  = 3 // nothing is there
	codeTooLarge  = 4 // the value does not fit
	codeRecipient = 5 // the value is for somebody else, or cannot be encrypted to
	codeHost      = 6 // a host name is unknown
	codeInternal  = 7 // the machine refused something: a file, a port

	codeInterrupted = 130 // as shells have it; no error where there is no other end
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
