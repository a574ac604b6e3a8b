package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"rollcall/api/http/client"
	"rollcall/api/http/schema"
)

func statusCommand() *cobra.Command {
	f := &clientFlags{}
	cmd := &cobra.Command{
		Use: "status", Short: "Tell how the daemon is", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(func(c *client.Client) error {
				status, err := c.Status(cmd.Context())
				if err != nil {
					return err
				}
				return f.show(cmd.OutOrStdout(), status, statusText(status))
			})
		},
	}
	f.add(cmd)
	return cmd
}

func statusText(s schema.Status) string {
	lines := []string{counted(s.Accounts, "account") + ", connected with " + counted(s.Connected, "device")}
	for _, n := range s.Networks {
		state := "not connected"
		if n.Connected {
			state = "connected, " + counted(n.GoodNodes, "good node")
		}
		lines = append(lines, fmt.Sprintf("network %s: %s, node %s at %s", networkName(n), state, n.Node, strings.Join(n.Addresses, " ")))
	}
	for _, d := range s.Damaged {
		lines = append(lines, fmt.Sprintf("damaged: %s: %s", d.Path, plainText(d.Reason)))
	}
	return strings.Join(lines, "\n")
}

// counted returns a number of things in words.
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

func networkName(n schema.Network) string {
	if len(n.Bootstrap) == 0 {
		return "of its own"
	}
	return strings.Join(n.Bootstrap, " ")
}
