package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"rollcall/api/http/client"
)

// completeTimeout is how long somebody who presses tab is kept waiting.
const completeTimeout = time.Second

// completeAccounts offers the accounts of the daemon to the shell.
func (f *clientFlags) completeAccounts(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var found []cobra.Completion
	if len(args) == 0 {
		f.complete(cmd, func(ctx context.Context, c *client.Client) error {
			accounts, err := c.Accounts(ctx)
			for _, a := range accounts {
				found = append(found, cobra.CompletionWithDesc(a.ID, plain(a.DisplayName)))
			}
			return err
		})
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}

// completePeers offers those who ask to be contacts, and the contacts.
func (f *clientFlags) completePeers(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var found []cobra.Completion
	if len(args) == 0 {
		f.complete(cmd, func(ctx context.Context, c *client.Client) error {
			account, err := f.choose(ctx, c)
			if err != nil {
				return err
			}
			requests, err := c.Requests(ctx, account.ID)
			if err != nil {
				return err
			}
			for _, r := range requests {
				found = append(found, cobra.CompletionWithDesc(r.From.String(), "asks: "+plain(r.Title)))
			}
			contacts, err := c.Contacts(ctx, account.ID)
			for _, contact := range contacts {
				found = append(found, cobra.CompletionWithDesc(contact.Peer.String(), contactState(contact)))
			}
			return err
		})
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}

// complete asks the daemon. A shell that completes has no use for errors, but
// for those who look for them.
func (f *clientFlags) complete(cmd *cobra.Command, ask func(context.Context, *client.Client) error) {
	ctx, cancel := context.WithTimeout(cmd.Context(), completeTimeout)
	defer cancel()
	if err := f.run(func(c *client.Client) error { return ask(ctx, c) }); err != nil {
		cobra.CompDebugln(err.Error(), false)
	}
}
