package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"rollcall/api/http/client"
	"rollcall/api/http/schema"
	"rollcall/contact"
	"rollcall/dht/infohash"
)

// requestFlags are those of the request commands.
type requestFlags struct {
	clientFlags
	card    string
	mode    string
	allowed []string
	codes   []string
}

func requestCommand() *cobra.Command {
	f := &requestFlags{}
	cmd := groupCommand("request", "Send, accept, discard and block trust requests")
	f.add(cmd)
	f.addAccount(cmd)
	cmd.AddCommand(
		f.listCommand(),
		onPeer(&f.clientFlags, "show", "Tell about the request of an account, with its card", showRequest),
		onPeer(&f.clientFlags, "accept", "Make the sender a contact, and confirm it", acceptRequest),
		onPeer(&f.clientFlags, "discard", "Drop a request, in silence", discardRequest),
		onPeer(&f.clientFlags, "block", "Drop a request and ban its sender", changing(&f.clientFlags, (*client.Client).BlockRequest)),
		f.sendCommand(), f.outgoingCommand(),
		onPeer(&f.clientFlags, "cancel", "Stop asking an account; it stays a contact", cancelRequest),
		f.policyCommand(),
	)
	return cmd
}

func (f *requestFlags) listCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the trust requests that wait for you", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.runOn(cmd.Context(), func(c *client.Client, a schema.Account) error {
				requests, err := c.Requests(cmd.Context(), a.ID)
				if err != nil {
					return err
				}
				err = list(&f.clientFlags, cmd, requests, "FROM\tNAME\tRECEIVED", "no request waits for an answer", func(r schema.Request) string {
					return fmt.Sprintf("%v\t%s\t%s", r.From, plain(r.Title), date(r.Received))
				})
				if err != nil {
					return err
				}
				return see(cmd, c, a, requests)
			})
		},
	}
}

// see notes which requests were shown to somebody.
func see(cmd *cobra.Command, c *client.Client, a schema.Account, requests []schema.Request) error {
	var fresh []infohash.Hash
	for _, r := range requests {
		if !r.Seen {
			fresh = append(fresh, r.From)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	return c.SeeRequests(cmd.Context(), a.ID, fresh)
}

func showRequest(cmd *cobra.Command, f *clientFlags, c *client.Client, a schema.Account, from infohash.Hash) error {
	r, err := c.Request(cmd.Context(), a.ID, from)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("%v: %s\nreceived %s", r.From, plain(r.Title), date(r.Received))
	if len(r.Payload) > 0 {
		text += "\n" + printable(r.Payload)
	}
	if err := f.show(cmd.OutOrStdout(), r, text); err != nil {
		return err
	}
	return see(cmd, c, a, []schema.Request{r})
}

// acceptRequest wants a request to be there, though the daemon does not: it is
// what somebody at a keyboard means.
func acceptRequest(cmd *cobra.Command, f *clientFlags, c *client.Client, a schema.Account, from infohash.Hash) error {
	if _, err := c.Request(cmd.Context(), a.ID, from); err != nil {
		return err
	}
	return changing(f, (*client.Client).AcceptRequest)(cmd, f, c, a, from)
}

func discardRequest(cmd *cobra.Command, _ *clientFlags, c *client.Client, a schema.Account, from infohash.Hash) error {
	return c.DiscardRequest(cmd.Context(), a.ID, from)
}

func cancelRequest(cmd *cobra.Command, _ *clientFlags, c *client.Client, a schema.Account, peer infohash.Hash) error {
	return c.CancelRequest(cmd.Context(), a.ID, peer)
}

func (f *requestFlags) sendCommand() *cobra.Command {
	cmd := onPeer(&f.clientFlags, "send", "Ask an account to be a contact, until it answers",
		func(cmd *cobra.Command, _ *clientFlags, c *client.Client, a schema.Account, peer infohash.Hash) error {
			card, err := f.readCard(cmd)
			if err != nil {
				return err
			}
			return c.SendRequest(cmd.Context(), a.ID, peer, card)
		})
	cmd.Flags().StringVar(&f.card, "card", "", "send the vCard in `FILE` along, - for standard input (default: one with your display name)")
	return cmd
}

func (f *requestFlags) readCard(cmd *cobra.Command) ([]byte, error) {
	if f.card == "" {
		return nil, nil // the daemon writes one
	}
	in := cmd.InOrStdin()
	if f.card != "-" {
		file, err := os.Open(f.card)
		if err != nil {
			return nil, fail(codeInternal, "--card: %w", err)
		}
		defer file.Close()
		in = file
	}
	b, err := io.ReadAll(io.LimitReader(in, contact.MaxPayload+1))
	if err != nil {
		return nil, fail(codeInternal, "--card: %w", err)
	}
	if len(b) > contact.MaxPayload {
		return nil, fail(codeTooLarge, "--card %s: over %d bytes: use a smaller picture", f.card, contact.MaxPayload)
	}
	return b, nil
}

func (f *requestFlags) outgoingCommand() *cobra.Command {
	return &cobra.Command{
		Use: "outgoing", Short: "List our requests and confirms that are not delivered yet", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.runOn(cmd.Context(), func(c *client.Client, a schema.Account) error {
				outgoing, err := c.Outgoing(cmd.Context(), a.ID)
				if err != nil {
					return err
				}
				return list(&f.clientFlags, cmd, outgoing, "TO\tKIND\tSTATE\tDEVICES\tSENT", "no request of ours waits for an answer", func(o schema.Outgoing) string {
					return fmt.Sprintf("%v\t%s\t%s\t%d\t%s", o.Peer, o.Kind, o.State, o.Devices, date(o.Sent))
				})
			})
		},
	}
}

func (f *requestFlags) policyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy [everyone|quietly|approved-only]",
		Short: "Tell or choose which requests ask for attention",
		Long: `Tell or choose which requests ask for attention: everyone's, none of a
stranger (they are kept quietly), or only those of accounts in --allow and of
bearers of an invite code.`,
		Args: cobra.MaximumNArgs(1), ValidArgs: []string{"everyone", "quietly", "approved-only"},
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.runOn(cmd.Context(), func(c *client.Client, a schema.Account) error {
				if len(args) == 0 && (f.allowed != nil || f.codes != nil) {
					return errors.New("--allow and --code go with a policy: name one of everyone, quietly, approved-only")
				}
				if len(args) > 0 {
					f.mode = args[0]
					return f.setPolicy(cmd, c, a)
				}
				policy, err := c.Policy(cmd.Context(), a.ID)
				if err != nil {
					return err
				}
				return f.show(cmd.OutOrStdout(), policy, fmt.Sprintf("%s, %s allowed, %s", policy.Mode, counted(len(policy.Allowed), "account"), counted(len(policy.Codes), "invite code")))
			})
		},
	}
	cmd.Flags().StringArrayVar(&f.allowed, "allow", nil, "the account with this `URI` is no stranger (repeatable)")
	cmd.Flags().StringArrayVar(&f.codes, "code", nil, "an invite `CODE` of at least 16 bytes, good for one request (repeatable)")
	return cmd
}

func (f *requestFlags) setPolicy(cmd *cobra.Command, c *client.Client, a schema.Account) error {
	policy := schema.Policy{Mode: f.mode, Codes: f.codes}
	for _, text := range f.allowed {
		peer, err := peerArg(text)
		if err != nil {
			return err
		}
		policy.Allowed = append(policy.Allowed, peer)
	}
	return c.SetPolicy(cmd.Context(), a.ID, policy)
}
