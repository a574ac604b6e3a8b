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
			if server != "" {
				return f.run(func(c *client.Client) error { return f.findName(cmd, c, "", server, args[0]) })
			}
			return f.runOn(cmd.Context(), func(c *client.Client, a schema.Account) error {
				return f.findName(cmd, c, a.ID, "", args[0])
			})
		},
	}
	f.add(cmd)
	f.addAccount(cmd)
	cmd.Flags().StringVar(&server, "server", "", "`URL` of the name server (default: that of the account)")
	return cmd
}

// findName asks the name server of an account, or another one.
func (f *clientFlags) findName(cmd *cobra.Command, c *client.Client, account, server, asked string) error {
	find := func() (schema.Name, error) { return c.FindName(cmd.Context(), account, server, asked) }
	if peer, err := identity.ParseURI(asked); err == nil {
		find = func() (schema.Name, error) { return c.FindAddress(cmd.Context(), account, server, peer) }
	}
	found, err := find()
	if err != nil {
		return err
	}
	return f.show(cmd.OutOrStdout(), found, fmt.Sprintf("%s %s", plain(found.Name), identity.URI(found.Address)))
}
