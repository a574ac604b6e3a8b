package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollcall/api/http/client"
	"rollcall/api/http/schema"
	"rollcall/dht/infohash"
)

func presenceCommand() *cobra.Command {
	f := &clientFlags{}
	cmd := &cobra.Command{
		Use:   "presence [URI|NAME]",
		Short: "Tell who is there",
		Long: `Tell the presence of all contacts. With an account, ask the network once which of
its devices are there, whether it is a contact or not; exit code 3 says that none is.`,
		Args: cobra.MaximumNArgs(1), ValidArgsFunction: f.completePeers,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return f.listPresence(cmd)
			}
			if peer, err := peerArg(args[0]); err == nil && f.account == "" {
				// No account is needed to look on the network of new ones.
				return f.run(func(c *client.Client) error { return f.queryPresence(cmd, c, "", peer) })
			}
			return f.runOnPeer(cmd.Context(), args[0], func(c *client.Client, a schema.Account, peer infohash.Hash) error {
				return f.queryPresence(cmd, c, a.ID, peer)
			})
		},
	}
	f.add(cmd)
	f.addAccount(cmd)
	return cmd
}

func (f *clientFlags) listPresence(cmd *cobra.Command) error {
	return f.runOn(cmd.Context(), func(c *client.Client, a schema.Account) error {
		views, err := c.Presence(cmd.Context(), a.ID)
		if err != nil {
			return err
		}
		return list(f, cmd, views, "ACCOUNT\tPRESENCE\tNOTE", noContact, func(v schema.Presence) string {
			return fmt.Sprintf("%v\t%s\t%s", v.Peer, presenceText(v, now()), saying(v, now()))
		})
	})
}

// queryPresence asks on the network of an account, or on that of new ones.
func (f *clientFlags) queryPresence(cmd *cobra.Command, c *client.Client, id string, peer infohash.Hash) error {
	found, err := c.QueryPresence(cmd.Context(), id, peer)
	if err != nil {
		return err
	}
	lines := []string{fmt.Sprintf("%v is offline", peer)}
	if found.Online {
		lines[0] = fmt.Sprintf("%v is online", peer)
	}
	for _, device := range found.Devices {
		lines = append(lines, fmt.Sprintf("  device %v, %s", device.ID, verdictText(device.Verdict)))
	}
	if err := f.show(cmd.OutOrStdout(), found, strings.Join(lines, "\n")); err != nil {
		return err
	}
	if !found.Online {
		return fail(codeNotFound, "no device of %v is on the network", peer)
	}
	return nil
}

func verdictText(verdict string) string {
	switch verdict {
	case "genuine":
		return "its certificate leads to the account"
	case "unknown":
		return "no certificate found"
	case "foreign":
		return "its certificate is of another account: it does not count"
	}
	return "revoked: it does not count"
}

// presenceText says how somebody's presence is known, with its age.
func presenceText(p schema.Presence, now time.Time) string {
	switch {
	case p.Status == "connected" && !p.Since.IsZero():
		return "connected for " + age(now.Sub(p.Since))
	case p.Status == "connected":
		return "connected"
	case p.Status == "online" && !p.Since.IsZero():
		return "on the DHT for " + age(now.Sub(p.Since))
	case p.Status == "online":
		return "on the DHT"
	case !p.LastSeen.IsZero():
		return "last seen " + age(now.Sub(p.LastSeen)) + " ago"
	}
	return "never seen"
}

// saying shows the last note of somebody with its age, or nothing.
func saying(p schema.Presence, now time.Time) string {
	if p.Note == "" {
		return ""
	}
	return fmt.Sprintf("%s (%s ago)", plainText(p.Note), age(now.Sub(p.Noted)))
}

// age shows a duration by its largest unit.
func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", max(0, int(d.Seconds())))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

func date(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format(time.DateTime)
}

func now() time.Time { return time.Now() }
