package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"rollcall/api/http/client"
	"rollcall/api/http/schema"
	"rollcall/dht/infohash"
)

func contactCommand() *cobra.Command {
	f := &clientFlags{}
	cmd := groupCommand("contact", "List and change the contacts of an account")
	f.add(cmd)
	f.addAccount(cmd)
	cmd.AddCommand(
		f.contactListCommand(),
		onPeer(f, "show", "Tell about a contact, also a removed one", showContact),
		onPeer(f, "add", "Add a contact, or lift its ban; sends nothing", changing(f, (*client.Client).AddContact)),
		onPeer(f, "remove", "Remove a contact, or lift its ban", changing(f, removing(false))),
		onPeer(f, "ban", "Ban somebody: nothing of theirs arrives any more", changing(f, removing(true))),
	)
	return cmd
}

func (f *clientFlags) contactListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the active and the banned contacts", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.runOn(cmd.Context(), func(c *client.Client, a schema.Account) error {
				contacts, err := c.Contacts(cmd.Context(), a.ID)
				if err != nil {
					return err
				}
				views, err := c.Presence(cmd.Context(), a.ID)
				if err != nil {
					return err
				}
				presence := byHash(views, func(p schema.Presence) infohash.Hash { return p.Peer })
				return list(f, cmd, contacts, "ACCOUNT\tSTATE\tADDED\tNOTE", noContact, func(c schema.Contact) string {
					return fmt.Sprintf("%v\t%s\t%s\t%s", c.Peer, contactState(c), date(c.Added), saying(presence[c.Peer], now()))
				})
			})
		},
	}
}

const noContact = "there is no contact yet: ask somebody with rollcall request send"

// contactState says in words what a contact is.
func contactState(c schema.Contact) string {
	switch {
	case c.Banned:
		return "banned"
	case !c.Active:
		return "removed"
	case c.Confirmed:
		return "confirmed"
	case c.Asked != "":
		return "asked, " + c.Asked
	}
	return "added, not asked"
}

func showContact(cmd *cobra.Command, f *clientFlags, c *client.Client, a schema.Account, peer infohash.Hash) error {
	contact, err := c.Contact(cmd.Context(), a.ID, peer)
	if err != nil {
		return err
	}
	presence, err := c.PresenceOf(cmd.Context(), a.ID, peer)
	if err != nil {
		return err
	}
	both := struct {
		schema.Contact
		Presence schema.Presence `json:"presence"`
	}{contact, presence}
	text := fmt.Sprintf("%v: %s\n%s", peer, contactState(contact), presenceText(presence, now()))
	if note := saying(presence, now()); note != "" {
		text += "\nsays: " + note
	}
	return f.show(cmd.OutOrStdout(), both, text)
}

// peerAction does something about one account on the network.
type peerAction func(cmd *cobra.Command, f *clientFlags, c *client.Client, a schema.Account, peer infohash.Hash) error

// onPeer makes a command on an account on the network, its only argument.
func onPeer(f *clientFlags, name, short string, do peerAction) *cobra.Command {
	return &cobra.Command{
		Use: name + " URI|NAME", Short: short, Args: cobra.ExactArgs(1), ValidArgsFunction: f.completePeers,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.runOnPeer(cmd.Context(), args[0], func(c *client.Client, a schema.Account, peer infohash.Hash) error {
				return do(cmd, f, c, a, peer)
			})
		},
	}
}

// change is an operation that tells whether it changed anything.
type change func(c *client.Client, ctx context.Context, account string, peer infohash.Hash) (bool, error)

// changing says in which case a change was none, which is no error.
func changing(f *clientFlags, do change) peerAction {
	return func(cmd *cobra.Command, _ *clientFlags, c *client.Client, a schema.Account, peer infohash.Hash) error {
		changed, err := do(c, cmd.Context(), a.ID, peer)
		if err != nil {
			return err
		}
		text := "done"
		if !changed {
			text = "nothing to do, it is so already"
		}
		return f.show(cmd.OutOrStdout(), schema.Changed{Changed: changed}, text)
	}
}

func removing(ban bool) change {
	return func(c *client.Client, ctx context.Context, account string, peer infohash.Hash) (bool, error) {
		return c.RemoveContact(ctx, account, peer, ban)
	}
}
