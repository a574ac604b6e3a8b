package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollcall/api/http/client"
	"rollcall/api/http/schema"
)

func statusCommand() *cobra.Command {
	f := &clientFlags{}
	cmd := &cobra.Command{
		Use: "status", Short: "Tell how the daemon and its contacts are", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(func(c *client.Client) error {
				status, err := c.Status(cmd.Context())
				if err != nil {
					return err
				}
				attendances, err := attendancesOf(cmd.Context(), c)
				if err != nil {
					return err
				}
				text := statusText(status)
				for _, a := range attendances {
					text += "\n" + a.text(now())
				}
				return f.show(cmd.OutOrStdout(), struct {
					schema.Status
					Contacts []attendance `json:"contacts"`
				}{status, attendances}, text)
			})
		},
	}
	f.add(cmd)
	return cmd
}

// attendance is how many contacts of an account are there.
type attendance struct {
	Account   string    `json:"account"`
	Name      string    `json:"name"`
	Connected int       `json:"connected"`
	OnDHT     int       `json:"onDHT"`
	Away      int       `json:"away"`
	LastSeen  time.Time `json:"lastSeen,omitzero"` // the last of those who are away
}

func attendancesOf(ctx context.Context, c *client.Client) ([]attendance, error) {
	accounts, err := c.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	attendances := []attendance{}
	for _, account := range accounts {
		if account.URI.IsZero() {
			continue // its keys are being made
		}
		views, err := c.Presence(ctx, account.ID)
		if err != nil {
			return nil, err
		}
		attendances = append(attendances, attendanceOf(account, views))
	}
	return attendances, nil
}

// attendanceOf counts contacts: clients may have subscribed to others, too.
func attendanceOf(account schema.Account, views []schema.Presence) attendance {
	a := attendance{Account: account.ID, Name: account.DisplayName}
	for _, v := range views {
		switch {
		case !v.Contact:
		case v.Status == "connected":
			a.Connected++
		case v.Status == "online":
			a.OnDHT++
		default:
			a.Away++
			if v.LastSeen.After(a.LastSeen) {
				a.LastSeen = v.LastSeen
			}
		}
	}
	return a
}

func (a *attendance) text(now time.Time) string {
	text := fmt.Sprintf("account %s: %s: contacts: %d connected, %d on the DHT, %d away",
		a.Account, plainText(a.Name), a.Connected, a.OnDHT, a.Away)
	if !a.LastSeen.IsZero() {
		text += ", last seen " + age(now.Sub(a.LastSeen)) + " ago"
	}
	return text
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
