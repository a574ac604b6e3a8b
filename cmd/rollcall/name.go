package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"rollcall/api/http/client"
	"rollcall/api/http/schema"
	"rollcall/identity"
)

func nameCommand() *cobra.Command {
	f := &clientFlags{}
	server := ""
	cmd := &cobra.Command{
		Use:   "name NAME|URI",
		Short: "Ask a name server who has a name, or which name an account has",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(func(c *client.Client) error {
				id := ""
				if f.account != "" {
					account, err := f.choose(cmd.Context(), c)
					if err != nil {
						return err
					}
					id = account.ID
				}
				find := func() (schema.Name, error) { return c.FindName(cmd.Context(), id, server, args[0]) }
				if peer, err := identity.ParseURI(args[0]); err == nil {
					find = func() (schema.Name, error) { return c.FindAddress(cmd.Context(), id, server, peer) }
				}
				found, err := find()
				if err != nil {
					return err
				}
				return f.show(cmd.OutOrStdout(), found, fmt.Sprintf("%s %s", plain(found.Name), identity.URI(found.Address)))
			})
		},
	}
	f.add(cmd)
	f.addAccount(cmd)
	cmd.Flags().StringVar(&server, "server", "", "`URL` of the name server (default: that of the account)")
	return cmd
}
