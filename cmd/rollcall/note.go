package main

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"rollcall/api/http/client"
	"rollcall/api/http/schema"
)

func noteCommand() *cobra.Command {
	f := &clientFlags{}
	cmd := groupCommand("note", "Tell contacts what you are up to")
	cmd.Long = `Tell contacts what you are up to: those who are connected, and those who connect
later, until the note is cleared or its time is over.`
	f.add(cmd)
	f.addAccount(cmd)
	cmd.AddCommand(f.noteSetCommand(), f.noteClearCommand(), f.noteShowCommand(), f.noteBySIPCommand())
	return cmd
}

func (f *clientFlags) noteSetCommand() *cobra.Command {
	var expires time.Duration
	var adapt, whole bool
	cmd := &cobra.Command{
		Use: "set TEXT...", Short: "Publish a note, in the place of the one before", Args: cobra.MinimumNArgs(1),
		Long: `Publish a note, in the place of the one before. The programs of most other people
show only letters without accents, digits, _ and blanks: a note with anything else is
refused, unless --adapt or --any says what to do with it.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			note := schema.NewNote{Text: strings.Join(args, " "), Form: "refuse"}
			switch {
			case strings.TrimSpace(note.Text) == "":
				return errors.New("the note is empty: take one back with rollcall note clear")
			case !utf8.ValidString(note.Text):
				return errors.New("the note is not in UTF-8")
			case expires < 0 || cmd.Flags().Changed("expires") && expires == 0:
				return fmt.Errorf("--expires %v: want a time to come, like 90m", expires)
			case expires > 0:
				note.Until = now().Add(expires)
			}
			if adapt {
				note.Form = "adapt"
			} else if whole {
				note.Form = "any"
			}
			return f.runOn(cmd.Context(), func(c *client.Client, a schema.Account) error {
				sent, err := c.PublishNote(cmd.Context(), a.ID, note)
				if err != nil {
					return noteFailure(err)
				}
				return f.show(cmd.OutOrStdout(), sent, noteText(sent, now()))
			})
		},
	}
	flags := cmd.Flags()
	flags.DurationVar(&expires, "expires", 0, "take it back after `TIME`, like 90m")
	flags.BoolVar(&adapt, "adapt", false, "leave out what others cannot show")
	flags.BoolVar(&whole, "any", false, "send it as it is, for those who can show it")
	cmd.MarkFlagsMutuallyExclusive("adapt", "any")
	return cmd
}

// noteFailure tells the way out for a note that others cannot show.
func noteFailure(err error) error {
	if strings.Contains(err.Error(), "others cannot see this note") {
		return fmt.Errorf("%w; or say --adapt to leave that out, --any to send it all the same", err)
	}
	return err
}

func noteText(n schema.Note, now time.Time) string {
	switch {
	case n.Text == "":
		return "no note"
	case n.Until.IsZero():
		return plainText(n.Text)
	}
	return fmt.Sprintf("%s (for %s)", plainText(n.Text), age(n.Until.Sub(now).Round(time.Second)))
}

func (f *clientFlags) noteClearCommand() *cobra.Command {
	return &cobra.Command{
		Use: "clear", Short: "Take the note back", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.runOn(cmd.Context(), func(c *client.Client, a schema.Account) error {
				return c.ClearNote(cmd.Context(), a.ID)
			})
		},
	}
}

func (f *clientFlags) noteShowCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show", Short: "Show the note that others are told", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.runOn(cmd.Context(), func(c *client.Client, a schema.Account) error {
				note, err := c.Note(cmd.Context(), a.ID)
				if err != nil {
					return err
				}
				return f.show(cmd.OutOrStdout(), note, noteText(note, now()))
			})
		},
	}
}

func (f *clientFlags) noteBySIPCommand() *cobra.Command {
	return &cobra.Command{
		Use: "by-sip [on|off]", Short: "Tell whether notes go to daemons of 2023 too, or let them",
		Long:      `Tell whether notes go to daemons of 2023 too, or let them. These show a note as a message.`,
		ValidArgs: []string{"on", "off"}, Args: cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.runOn(cmd.Context(), func(c *client.Client, a schema.Account) error {
				if len(args) > 0 {
					return c.Switch(cmd.Context(), a.ID, "notes-by-sip", args[0] == "on")
				}
				on, err := c.NotesBySIP(cmd.Context(), a.ID)
				if err != nil {
					return err
				}
				text := "off"
				if on {
					text = "on"
				}
				return f.show(cmd.OutOrStdout(), schema.Switch{On: on}, text)
			})
		},
	}
}
