package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"rollcall/api/http/client"
	"rollcall/api/http/schema"
	"rollcall/daemon"
	"rollcall/identity"
	"rollcall/identity/keyfile"
	"rollcall/internal/atomicfile"
)

// accountFlags are those of the account commands.
type accountFlags struct {
	clientFlags
	password    string
	newPassword string
	deviceName  string
	settings    []string
	noWait      bool
	yes         bool
}

func accountCommand() *cobra.Command {
	f := &accountFlags{}
	cmd := groupCommand("account", "Make, import and manage accounts")
	f.add(cmd)
	cmd.AddCommand(
		f.listCommand(), f.createCommand(), f.importCommand(),
		f.showCommand(), f.qrCommand(), f.exportCommand(), f.passwordCommand(), f.removeCommand(),
		f.switchCommand("enable", "Take the account on the network", "enabled", true),
		f.switchCommand("disable", "Take the account off the network", "enabled", false),
		f.switchCommand("hide", "Announce the account no more; new requests cannot reach it then", "invisible", true),
		f.switchCommand("unhide", "Announce the account again", "invisible", false),
		f.devicesCommand(), f.settingsCommand(),
	)
	return cmd
}

func (f *accountFlags) listCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the accounts", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(func(c *client.Client) error {
				accounts, err := c.Accounts(cmd.Context())
				if err != nil {
					return err
				}
				return list(&f.clientFlags, cmd, accounts, "ID\tNAME\tSTATE\tURI", noAccount, func(a schema.Account) string {
					return fmt.Sprintf("%s\t%s\t%s\t%s", a.ID, plain(a.DisplayName), accountState(a), uriText(a))
				})
			})
		},
	}
}

func uriText(a schema.Account) string {
	if a.URI.IsZero() {
		return "-"
	}
	return identity.URI(a.URI)
}

// accountState says in words how an account stands with the network.
func accountState(a schema.Account) string {
	switch {
	case a.State == string(daemon.Initializing) && a.Progress != nil && a.Progress.Total > 0:
		return fmt.Sprintf("making keys, %d of %d", a.Progress.Done, a.Progress.Total)
	case a.State == string(daemon.Initializing):
		return "making keys"
	case !a.Enabled:
		return "disabled"
	case a.State == string(daemon.Registered) && a.Invisible:
		return "on the network, hidden"
	case a.State == string(daemon.Registered) && a.Announced:
		return "on the network"
	case a.State == string(daemon.Registered):
		return "on the network, not announced yet"
	case a.State == string(daemon.Trying):
		return "connecting"
	case a.StateText != "":
		return plainText(a.StateText)
	}
	return strings.ToLower(a.State)
}

func (f *accountFlags) addCreation(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.password, "password-file", "", "password of the archive: the first line of `FILE`, - for standard input")
	flags.StringVar(&f.deviceName, "device", "", "`NAME` of this device")
	flags.StringArrayVarP(&f.settings, "set", "s", nil, "a setting, `KEY=VALUE` (repeatable)")
	flags.BoolVar(&f.noWait, "no-wait", false, "do not wait until the keys are made")
}

func (f *accountFlags) createCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make an account with a display name", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.TrimSpace(args[0]) == "" || strings.ContainsFunc(args[0], unicode.IsControl) || !utf8.ValidString(args[0]) {
				return fmt.Errorf("display name %q: want the name that others see, on one line", args[0])
			}
			return f.create(cmd, schema.NewAccount{DisplayName: args[0]})
		},
	}
	f.addCreation(cmd)
	return cmd
}

func (f *accountFlags) importCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "import FILE", Short: "Import an account archive of any Jami client", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := keyfile.Read(args[0], identity.MaxArchiveSize)
			if err != nil {
				return fail(codeInternal, "archive: %w", err)
			}
			return f.create(cmd, schema.NewAccount{Archive: b})
		},
	}
	f.addCreation(cmd)
	return cmd
}

func (f *accountFlags) create(cmd *cobra.Command, n schema.NewAccount) error {
	var err error
	if n.Password, err = secretFile(cmd, f.password); err != nil {
		return err
	}
	if n.Settings, err = parseSettings(f.settings); err != nil {
		return err
	}
	n.DeviceName = f.deviceName
	return f.run(func(c *client.Client) error {
		if f.noWait {
			id, err := c.CreateAccount(cmd.Context(), n)
			if err != nil {
				return err
			}
			return f.show(cmd.OutOrStdout(), schema.CreatedAccount{ID: id}, id)
		}
		account, err := createAndWait(cmd.Context(), c, n)
		if err != nil {
			return err
		}
		return f.show(cmd.OutOrStdout(), account, account.ID+" "+uriText(account))
	})
}

// createAndWait makes an account and waits for its keys. Why they could not be
// made is told by an event only, so these are followed from before.
func createAndWait(ctx context.Context, c *client.Client, n schema.NewAccount) (schema.Account, error) {
	id := ""
	for event, err := range c.Events(ctx, "") {
		afresh := id != "" && event.Type == schema.Start
		switch {
		case err != nil:
			return schema.Account{}, err
		case id == "":
			if id, err = c.CreateAccount(ctx, n); err != nil {
				return schema.Account{}, err
			}
		case event.Account == id && event.Type == schema.RegistrationChanged && event.State == string(daemon.ErrorGeneric):
			return schema.Account{}, notMade(n, event.Text)
		case event.Account != id && !afresh:
			continue
		}
		account, err := c.Account(ctx, id)
		var gone *schema.Problem
		failed := errors.As(err, &gone) || err == nil && account.State == string(daemon.ErrorGeneric)
		switch {
		case failed && afresh:
			return schema.Account{}, notMade(n, "why was told while the daemon was out of reach: see its log")
		case failed:
			// The event that says why is on its way.
		case err != nil || account.State != string(daemon.Initializing):
			return account, err
		}
	}
	return schema.Account{}, ctx.Err()
}

func notMade(n schema.NewAccount, reason string) error {
	code := codeInternal
	if n.Archive != nil {
		code = codeUsage // it is wrong, or its password
	}
	return fail(code, "the account could not be made: %s", plainText(reason))
}

func parseSettings(pairs []string) (schema.Settings, error) {
	settings, keys := schema.Settings{}, daemon.Template("RING")
	for _, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return nil, fmt.Errorf("setting %q: want KEY=VALUE, such as Account.displayName=Alice", pair)
		}
		if _, known := keys[key]; !known {
			return nil, fmt.Errorf("setting %q: there is none, want one of those that rollcall account settings lists", key)
		}
		settings[key] = value
	}
	return settings, nil
}

func (f *accountFlags) showCommand() *cobra.Command {
	return f.onAccount("show [ACCOUNT]", "Tell about an account", func(cmd *cobra.Command, _ *client.Client, a schema.Account) error {
		text := fmt.Sprintf("%s: %s\nuri     %s\nid      %s\ndevice  %s (%s)", plain(a.DisplayName), accountState(a), uriText(a), a.ID, a.Device, plain(a.DeviceName))
		if a.LeaseSeconds > 0 {
			text += fmt.Sprintf("\nlease   %v", time.Duration(a.LeaseSeconds*float64(time.Second)))
		}
		if a.Note != nil {
			text += "\nnote    " + noteText(*a.Note, now())
		}
		return f.show(cmd.OutOrStdout(), a, text)
	})
}

// onAccount makes a command that works on the account of its optional argument.
func (f *accountFlags) onAccount(use, short string, do func(cmd *cobra.Command, c *client.Client, a schema.Account) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.MaximumNArgs(1), ValidArgsFunction: f.completeAccounts,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				f.account = args[0]
			}
			return f.runOn(cmd.Context(), func(c *client.Client, a schema.Account) error { return do(cmd, c, a) })
		},
	}
}

func (f *accountFlags) switchCommand(name, short, what string, on bool) *cobra.Command {
	return f.onAccount(name+" [ACCOUNT]", short, func(cmd *cobra.Command, c *client.Client, a schema.Account) error {
		return c.Switch(cmd.Context(), a.ID, what, on)
	})
}

func (f *accountFlags) devicesCommand() *cobra.Command {
	return f.onAccount("devices [ACCOUNT]", "List the devices of an account", func(cmd *cobra.Command, c *client.Client, a schema.Account) error {
		devices, err := c.Devices(cmd.Context(), a.ID)
		if err != nil {
			return err
		}
		return list(&f.clientFlags, cmd, devices, "ID\tNAME", "no devices", func(d schema.Device) string {
			if d.Own {
				return d.ID + "\t" + plain(d.Name) + " (this one)"
			}
			return d.ID + "\t" + plain(d.Name)
		})
	})
}

func (f *accountFlags) settingsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "settings [KEY=VALUE]...", Short: "List or change the settings of an account",
		Long: `List or change the settings of an account. These mean something to the daemon, the
others are kept for Jami clients:

    Account.displayName           what others see
    Account.deviceName
    Account.enable                on the network at all
    Account.hostname              HOST[:PORT];... to join the network by
    RingNS.uri                    name server
    DHT.PublicInCalls             strangers may connect
    Account.upnpEnabled           have the router map ports
    Account.publishedAddress      address to be reached at, with
    Account.publishedSameAsLocal  false
    TURN.enable, TURN.server      relay, for who is behind a NAT
    TURN.username, TURN.password
    TURN.realm`,
		RunE: func(cmd *cobra.Command, args []string) error {
			changes, err := parseSettings(args)
			if err != nil {
				return err
			}
			return f.runOn(cmd.Context(), func(c *client.Client, a schema.Account) error {
				if len(changes) > 0 {
					return c.ChangeSettings(cmd.Context(), a.ID, changes)
				}
				settings, err := c.Settings(cmd.Context(), a.ID)
				if err != nil {
					return err
				}
				var lines []string
				for key, value := range settings {
					lines = append(lines, key+"="+plainText(value))
				}
				slices.Sort(lines)
				return f.show(cmd.OutOrStdout(), settings, strings.Join(lines, "\n"))
			})
		},
	}
	f.addAccount(cmd)
	return cmd
}

func (f *accountFlags) exportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "export FILE", Short: "Write the archive of an account to a file, for any Jami client", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			password, err := secretFile(cmd, f.password)
			if err != nil {
				return err
			}
			return f.runOn(cmd.Context(), func(c *client.Client, a schema.Account) error {
				b, err := c.Export(cmd.Context(), a.ID, password)
				if err != nil {
					return err
				}
				if err := atomicfile.Write(args[0], b, 0o600); err != nil {
					return &failure{codeInternal, err}
				}
				return nil
			})
		},
	}
	f.addAccount(cmd)
	cmd.Flags().StringVar(&f.password, "password-file", "", "password of the archive: the first line of `FILE`, - for standard input")
	return cmd
}

func (f *accountFlags) passwordCommand() *cobra.Command {
	cmd := f.onAccount("password [ACCOUNT]", "Change the password of an account's archive", func(cmd *cobra.Command, c *client.Client, a schema.Account) error {
		from, err := secretFile(cmd, f.password)
		if err != nil {
			return err
		}
		to, err := secretFile(cmd, f.newPassword)
		if err != nil {
			return err
		}
		return c.SetPassword(cmd.Context(), a.ID, schema.NewPassword{From: from, To: to})
	})
	cmd.Flags().StringVar(&f.password, "password-file", "", "present password: the first line of `FILE` (default: there is none)")
	cmd.Flags().StringVar(&f.newPassword, "new-password-file", "", "new password: the first line of `FILE` (default: none from now on)")
	return cmd
}

func (f *accountFlags) removeCommand() *cobra.Command {
	cmd := f.onAccount("remove ACCOUNT", "Delete an account with all that is kept of it", func(cmd *cobra.Command, c *client.Client, a schema.Account) error {
		if !f.yes {
			return fmt.Errorf("nothing is deleted: the keys of %s cannot be made again. Export it first, or say --yes", uriText(a))
		}
		return c.RemoveAccount(cmd.Context(), a.ID)
	})
	cmd.Args = cobra.ExactArgs(1)
	cmd.Flags().BoolVar(&f.yes, "yes", false, "really delete it")
	return cmd
}
