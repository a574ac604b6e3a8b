package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"rollcall/api/http/client"
	"rollcall/api/http/schema"
	"rollcall/presence"
)

func watchCommand() *cobra.Command {
	f := &clientFlags{}
	cmd := &cobra.Command{
		Use:   "watch [URI|NAME]...",
		Short: "Show contacts, who is there and requests, live",
		Long: `Show contacts with their presence and its age, and requests, live, until
interrupted. Accounts that are named are followed as well. What is not a terminal
gets a line for each change instead.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.runOn(cmd.Context(), func(c *client.Client, a schema.Account) error {
				unfollow, err := f.follow(cmd.Context(), c, a, args)
				if err != nil {
					return err
				}
				defer unfollow()
				if err := f.watch(cmd.Context(), cmd.OutOrStdout(), c, a); cmd.Context().Err() == nil {
					return err
				}
				return nil // interrupted, as it should be
			})
		},
	}
	f.add(cmd)
	f.addAccount(cmd)
	return cmd
}

// follow subscribes to accounts until unfollow is called.
func (f *clientFlags) follow(ctx context.Context, c *client.Client, a schema.Account, texts []string) (unfollow func(), err error) {
	var undo []func()
	unfollow = func() {
		for _, f := range undo {
			f()
		}
	}
	for _, text := range texts {
		peer, err := findPeer(ctx, c, a, text)
		if err == nil {
			err = c.Subscribe(ctx, a.ID, peer)
		}
		if err != nil {
			unfollow()
			return nil, err
		}
		undo = append(undo, func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			// The daemon may be gone by now, and its subscriptions with it.
			_ = c.Unsubscribe(ctx, a.ID, peer)
		})
	}
	return unfollow, nil
}

func (f *clientFlags) watch(ctx context.Context, out io.Writer, c *client.Client, a schema.Account) error {
	events := c.Events(ctx, a.ID)
	if f.json {
		return eventLines(out, events, func(e schema.Event) string {
			b, err := json.Marshal(e)
			if err != nil {
				panic(err) // it came from JSON
			}
			return string(b)
		})
	}
	if file, ok := out.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return watchTerminal(ctx, file, c, a)
	}
	return eventLines(out, events, eventText)
}

// eventLines prints a line for each event for which there is one.
func eventLines(out io.Writer, events iter.Seq2[schema.Event, error], line func(schema.Event) string) error {
	for event, err := range events {
		if err != nil {
			return err
		}
		if text := line(event); text != "" {
			if _, err := fmt.Fprintln(out, text); err != nil {
				return err
			}
		}
	}
	return nil
}

// eventText says what happened, or nothing for what people need not know.
func eventText(e schema.Event) string {
	what := ""
	switch e.Type {
	case schema.PresenceChanged:
		switch {
		case e.Note != "":
			what = fmt.Sprintf("%v says: %s", e.Peer, plainText(e.Note))
		case e.Cause == causeNote:
			what = fmt.Sprintf("%v takes its note back", e.Peer)
		default:
			what = fmt.Sprintf("%v is %s", e.Peer, e.Status)
		}
	case schema.NoteChanged, schema.TextReceived, schema.TextChanged:
		what = talkText(e)
	case schema.ContactAdded:
		what = fmt.Sprintf("%v is a contact", e.Peer)
		if e.Confirmed {
			what += ", confirmed"
		}
	case schema.ContactRemoved:
		what = fmt.Sprintf("%v is no contact any more", e.Peer)
		if e.Banned {
			what = fmt.Sprintf("%v is banned", e.Peer)
		}
	case schema.RequestReceived:
		what = fmt.Sprintf("%v asks to be a contact", e.Peer)
		if e.Request != nil && e.Request.Title != "" {
			what += ": " + plain(e.Request.Title)
		}
	case schema.RequestClosed:
		what = fmt.Sprintf("request of %v is %s", e.Peer, e.Reason)
	case schema.OutgoingChanged:
		what = fmt.Sprintf("our %s to %v is %s", e.Kind, e.Peer, e.State)
	case schema.RegistrationChanged:
		what = strings.ToLower(e.State)
		if e.Text != "" {
			what += ": " + plainText(e.Text)
		}
	case schema.LeaseChanged:
		what = plainText(e.Text)
	default:
		return ""
	}
	return date(e.At) + "  " + what
}

// causeNote is the cause of events that bring a note.
var causeNote = presence.CauseNote.String()

// talkText says what was told to whom.
func talkText(e schema.Event) string {
	switch {
	case e.OwnNote != nil:
		return "our note: " + noteText(*e.OwnNote, e.At)
	case e.Message == nil: // of a later version
		return e.Type
	case e.Type == schema.TextReceived:
		return fmt.Sprintf("%v writes: %s", e.Peer, plainText(e.Message.Content))
	}
	return fmt.Sprintf("our text to %v is %s", e.Peer, e.State)
}

// Sequences that steer a terminal.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l"
	leaveScreen = "\x1b[?25h\x1b[?1049l"
	toTop       = "\x1b[H"
	clearLine   = "\x1b[K"
	clearBelow  = "\x1b[J"
)

// watchTerminal keeps a board on the screen.
func watchTerminal(ctx context.Context, screen *os.File, c *client.Client, a schema.Account) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type received struct {
		event schema.Event
		err   error
	}
	events := make(chan received)
	go func() {
		for event, err := range c.Events(ctx, a.ID) {
			select {
			case events <- received{event, err}:
			case <-ctx.Done():
				return
			}
		}
	}()
	if _, err := io.WriteString(screen, enterScreen); err != nil {
		return err
	}
	defer io.WriteString(screen, leaveScreen)
	aging := time.NewTicker(time.Second)
	defer aging.Stop()
	b := &board{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-aging.C:
			if err := draw(screen, b); err != nil {
				return err
			}
		case r := <-events:
			if r.err != nil {
				return r.err
			}
			if b.apply(r.event) {
				continue // shown within a second, however many come
			}
			if err := b.load(ctx, c, a.ID); err != nil {
				return err
			}
			if err := draw(screen, b); err != nil {
				return err
			}
		}
	}
}

func draw(screen *os.File, b *board) error {
	width, height, err := term.GetSize(int(screen.Fd()))
	if err != nil {
		return fmt.Errorf("terminal: %w", err)
	}
	lines := b.lines(now(), width, height)
	_, err = io.WriteString(screen, toTop+strings.Join(lines, clearLine+"\n")+clearLine+clearBelow)
	return err
}
