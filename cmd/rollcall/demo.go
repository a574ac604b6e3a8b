package main

import (
	"github.com/spf13/cobra"

	"rollcall/demo"
)

func demoCommand() *cobra.Command {
	var cfg demo.Config
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See it all in half a minute: two people on a private network",
		Long: `Start a private network on this machine with two daemons on it, tell the story of
two people who become contacts, and stay up to be tried out. Nothing outside of
this machine is touched, and nothing is left behind.

Exit codes: 0 told, or interrupted, 1 wrong usage, 7 it went otherwise.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg.Out = cmd.OutOrStdout()
			if err := demo.Run(cmd.Context(), cfg); err != nil && cmd.Context().Err() == nil {
				return &failure{codeInternal, err}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&cfg.Once, "once", false, "leave when the story is told")
	return cmd
}
