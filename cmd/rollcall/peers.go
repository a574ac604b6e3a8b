package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"rollcall/api/http/client"
	"rollcall/api/http/schema"
)

func peersCommand() *cobra.Command {
	f := &clientFlags{}
	cmd := &cobra.Command{
		Use: "peers", Short: "List the direct connections with other devices", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.runOn(cmd.Context(), func(c *client.Client, a schema.Account) error {
				conns, err := c.Connections(cmd.Context(), a.ID)
				if err != nil {
					return err
				}
				return list(f, cmd, conns, "ACCOUNT\tDEVICE\tFROM\tTO\tWAY\tCANDIDATES\tAGE\tIN\tOUT\tCHANNELS",
					"no device of a contact is connected", connectionRow)
			})
		},
	}
	f.add(cmd)
	f.addAccount(cmd)
	return cmd
}

func connectionRow(c schema.Connection) string {
	way := "direct"
	if c.Relayed {
		way = "relay"
	}
	channels := make([]string, len(c.Channels))
	for i, ch := range c.Channels {
		kind, _, _ := strings.Cut(ch.Name, ":") // what follows is the device, mostly
		channels[i] = plain(kind)
	}
	return fmt.Sprintf("%v\t%.16s\t%s\t%s\t%s\t%s-%s\t%s\t%s\t%s\t%s", c.Peer, c.Device, c.Local, c.Remote, way, c.Ours, c.Theirs,
		age(now().Sub(c.Since)), byteSize(c.BytesIn), byteSize(c.BytesOut), strings.Join(channels, " "))
}

// byteSize shows a count of bytes by its largest unit.
func byteSize(n uint64) string {
	switch {
	case n < 10<<10:
		return fmt.Sprintf("%d B", n)
	case n < 10<<20:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}
