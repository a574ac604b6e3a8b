package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"rollcall/daemon"
)

func backupCommand() *cobra.Command {
	var dataDir string
	cmd := &cobra.Command{
		Use:   "backup DIR",
		Short: "Copy all accounts with their keys and contacts into a new directory",
		Long: `Copy all accounts with their keys and contacts into a new directory, while the
daemon is not running. Whoever has the copy can be these accounts: keep it safe.

The daemon itself keeps a copy of each account's contacts beside them, one for
each of the last seven days.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := chosenDataDir(dataDir)
			if err != nil {
				return err
			}
			d, err := daemon.Open(cmd.Context(), daemon.Config{DataDir: dir, Standby: true})
			if errors.Is(err, daemon.ErrInUse) {
				return fail(codeInternal, "%w: stop it first", err)
			}
			if err != nil {
				return &failure{codeInternal, err}
			}
			count := len(d.Accounts())
			if err := errors.Join(d.Backup(cmd.Context(), args[0]), d.Close()); err != nil {
				return &failure{codeInternal, err}
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d accounts copied to %s\n", count, args[0])
			return nil
		},
	}
	cmd.Flags().StringVar(&dataDir, "data-dir", "", "data directory of the daemon, `DIR`")
	return cmd
}

func restoreCommand() *cobra.Command {
	var dataDir string
	cmd := &cobra.Command{
		Use:   "restore DIR",
		Short: "Put the accounts of a backup back",
		Long: `Put the accounts of a backup back, while the daemon is not running. Accounts that
are there already are kept beside the restored ones, under names that begin with
".replaced-".`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := chosenDataDir(dataDir)
			if err != nil {
				return err
			}
			restored, err := daemon.Restore(args[0], dir)
			for _, id := range restored {
				fmt.Fprintf(cmd.OutOrStdout(), "account %s restored\n", id)
			}
			if err != nil {
				return &failure{codeInternal, err}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&dataDir, "data-dir", "", "data directory of the daemon, `DIR`")
	return cmd
}
