package main

import (
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// manCommand writes the manual for those who package the program.
func manCommand() *cobra.Command {
	return &cobra.Command{
		Use: "man DIR", Short: "Write the man pages into a directory", Args: cobra.ExactArgs(1), Hidden: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return fail(codeInternal, "man pages: %w", err)
			}
			root := cmd.Root()
			root.DisableAutoGenTag = true
			header := &doc.GenManHeader{Title: "ROLLCALL", Section: "1", Source: "Rollcall", Manual: "User Commands"}
			if err := doc.GenManTree(root, header, args[0]); err != nil {
				return fail(codeInternal, "man pages: %w", err)
			}
			return nil
		},
	}
}
