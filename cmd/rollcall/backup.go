package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"rollcall/api/http/client"
	"rollcall/api/http/schema"
	"rollcall/daemon"
)

func backupCommand() *cobra.Command {
	var f clientFlags
	cmd := &cobra.Command{
		Use:   "backup DIR",
		Short: "Copy all accounts with their keys and contacts into a new directory",
		Long: `Copy all accounts with their keys and contacts into a new directory, whether the
daemon is running or not. Whoever has the copy can be these accounts: keep it safe.

The daemon itself keeps a copy of each account's contacts beside them, one for
each of the last seven days.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := filepath.Abs(args[0])
			if err != nil {
				return &failure{codeInternal, err}
			}
			err = f.run(func(c *client.Client) error { return c.BackUp(cmd.Context(), dir) })
			if errors.Is(err, client.ErrNoDaemon) {
				err = backUpIdle(cmd.Context(), f.dataDir, dir)
			}
			if err != nil {
				return err
			}
			return f.show(cmd.OutOrStdout(), schema.Backup{Directory: dir}, "all accounts are in "+dir)
		},
	}
	f.add(cmd)
	return cmd
}

// backUpIdle makes a backup of a data directory that no daemon uses.
func backUpIdle(ctx context.Context, dataDir, to string) error {
	dataDir, err := chosenDataDir(dataDir)
	if err != nil {
		return err
	}
	if _, err := os.Stat(dataDir); err != nil {
		return fail(codeNotFound, "there are no accounts: %w", err)
	}
	d, err := daemon.Open(ctx, daemon.Config{DataDir: dataDir, Standby: true})
	if errors.Is(err, daemon.ErrInUse) {
		return fail(codeInternal, "%w, which does not answer: stop it first", err)
	}
	if err != nil {
		return &failure{codeInternal, err}
	}
	return backupFailure(errors.Join(d.Backup(ctx, to), d.Close()))
}

// backupFailure gives an error its exit code.
func backupFailure(err error) error {
	var invalid *daemon.InvalidError
	if err == nil || errors.As(err, &invalid) {
		return err
	}
	return &failure{codeInternal, err}
}

func restoreCommand() *cobra.Command {
	var f clientFlags
	cmd := &cobra.Command{
		Use:   "restore DIR",
		Short: "Put the accounts of a backup back",
		Long: `Put the accounts of a backup back, while the daemon is not running. Accounts that
are there already are kept beside the restored ones, under names that begin with
".replaced-".

Exit codes: 0 done, 1 wrong usage, or no backup, 3 not found, 7 the machine
refused something.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := chosenDataDir(f.dataDir)
			if err != nil {
				return err
			}
			if _, err := os.Stat(args[0]); err != nil {
				return fail(codeNotFound, "there is no backup: %w", err)
			}
			restored, err := daemon.Restore(args[0], dir)
			if errors.Is(err, daemon.ErrInUse) {
				err = fmt.Errorf("%w: stop it first", err)
			}
			for _, id := range restored {
				printErr := f.show(cmd.OutOrStdout(), schema.CreatedAccount{ID: string(id)}, fmt.Sprintf("account %s restored", id))
				err = errors.Join(err, printErr)
			}
			return backupFailure(err)
		},
	}
	cmd.Flags().StringVar(&f.dataDir, "data-dir", "", "data directory of the daemon, `DIR`")
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON, one object a line")
	return cmd
}
