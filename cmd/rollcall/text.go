package main

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"rollcall/api/http/client"
	"rollcall/api/http/schema"
	"rollcall/dht/infohash"
)

// textWait is how long the fate of a text may take: the daemon gives it up after a
// minute.
const textWait = 70 * time.Second

func textCommand() *cobra.Command {
	f := &clientFlags{}
	var noWait bool
	cmd := &cobra.Command{
		Use: "text URI|NAME TEXT...", Short: "Send a message to somebody who is there",
		Args: cobra.MinimumNArgs(2), ValidArgsFunction: f.completePeers,
		RunE: func(cmd *cobra.Command, args []string) error {
			text := schema.NewText{Content: strings.Join(args[1:], " ")}
			switch {
			case strings.Join(args[1:], "") == "":
				return errors.New("the text is empty")
			case !utf8.ValidString(text.Content):
				return errors.New("the text is not in UTF-8")
			}
			return f.runOnPeer(cmd.Context(), args[0], func(c *client.Client, a schema.Account, peer infohash.Hash) error {
				return f.sendText(cmd, c, a, peer, text, !noWait)
			})
		},
	}
	f.add(cmd)
	f.addAccount(cmd)
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "do not wait until a device has it")
	return cmd
}

// sendText sends a text and, with wait, returns when its fate is known. It follows
// the events from before, so that none is missed.
func (f *clientFlags) sendText(cmd *cobra.Command, c *client.Client, a schema.Account, peer infohash.Hash, text schema.NewText, wait bool) error {
	ctx, cancel := context.WithTimeout(cmd.Context(), textWait)
	defer cancel()
	sent := schema.SentText{}
	for event, err := range c.Events(ctx, a.ID) {
		if err != nil {
			return fail(codeNoAnswer, "what became of the text: %w", err)
		}
		if sent.ID == "" { // the stream has begun
			if sent.ID, err = c.SendText(ctx, a.ID, peer, text); err != nil {
				return err
			}
		}
		switch {
		case !wait:
			return f.show(cmd.OutOrStdout(), sent, "on the way")
		case event.Type != schema.TextChanged || event.Message == nil || event.Message.ID != sent.ID:
		case event.State == "sent":
			return f.show(cmd.OutOrStdout(), sent, "sent")
		case event.State == "failed":
			return fail(codeNoAnswer, "no device of %v took the text", peer)
		}
	}
	return fail(codeNoAnswer, "what became of the text is not known")
}
