package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/spf13/cobra"

	"rollcall/api/http/client"
	"rollcall/api/http/endpoint"
	"rollcall/api/http/schema"
	"rollcall/dht/infohash"
	"rollcall/identity"
)

// clientFlags are those of the commands that talk to a running daemon.
type clientFlags struct {
	dataDir string
	address string
	account string
	json    bool
}

const clientHelp = `

The daemon is found by --data-dir, or by --http. Both can be set in the
environment, as ROLLCALL_DATA_DIR and ROLLCALL_HTTP.

With --json the standard output is JSON or nothing; errors remain text on the
error output, with the exit code.

Exit codes: 0 done, 1 wrong usage or refused, 2 no daemon, or no answer of the
network, 3 not found, 4 too large, 7 the machine refused something,
130 interrupted before that.`

func (f *clientFlags) add(cmd *cobra.Command) {
	flags := cmd.PersistentFlags()
	flags.StringVar(&f.dataDir, "data-dir", "", "find the daemon by its data directory `DIR`")
	flags.StringVar(&f.address, "http", "", "find the daemon at `ADDRESS`: unix:PATH or 127.0.0.1:PORT")
	flags.BoolVar(&f.json, "json", false, "print JSON, one object a line")
	cmd.Long = strings.TrimSpace(cmd.Long) + clientHelp
	if cmd.Long == clientHelp {
		cmd.Long = cmd.Short + "." + clientHelp
	}
}

// groupCommand makes a command that only has others below it, and refuses what is
// none of them.
func groupCommand(name, short string) *cobra.Command {
	return &cobra.Command{
		Use: name, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
}

// addAccount adds the flag of commands that work on one account.
func (f *clientFlags) addAccount(cmd *cobra.Command) {
	cmd.PersistentFlags().StringVarP(&f.account, "account", "a", "", "id, URI or display name of the `ACCOUNT` (default: the only one)")
	err := cmd.RegisterFlagCompletionFunc("account", func(cmd *cobra.Command, _ []string, text string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return f.completeAccounts(cmd, nil, text)
	})
	if err != nil {
		panic(err) // the flag is there
	}
}

// defaultDataDir returns where a daemon keeps its data unless told otherwise.
func defaultDataDir() (string, error) {
	if dir := os.Getenv("ROLLCALL_DATA_DIR"); dir != "" {
		return dir, nil
	}
	dir := userDir("XDG_DATA_HOME", ".local/share")
	if dir == "" {
		return "", fail(codeInternal, "no home directory is set: name a data directory with --data-dir")
	}
	return filepath.Join(dir, "rollcall"), nil
}

// chosenDataDir returns the data directory that a flag, the environment or the
// configuration of the daemon names, else that where it is by default.
func chosenDataDir(flag string) (string, error) {
	if flag != "" {
		return flag, nil
	}
	if os.Getenv("ROLLCALL_DATA_DIR") == "" {
		values, err := readConfig(configFile(), false)
		if err != nil {
			return "", err
		}
		if dir, ok := values["data-dir"].(string); ok && dir != "" {
			return dir, nil
		}
	}
	return defaultDataDir()
}

// endpoint returns where the daemon should be.
func (f *clientFlags) endpoint() (endpoint.Endpoint, error) {
	dir, err := chosenDataDir(f.dataDir)
	if err != nil {
		return endpoint.Endpoint{}, err
	}
	address := f.address
	if address == "" && f.dataDir == "" {
		address = os.Getenv("ROLLCALL_HTTP")
	}
	if address == off {
		address = "" // a setting for the daemon, which may be there all the same
	}
	return endpoint.Parse(address, dir)
}

// run calls the daemon and gives errors their exit codes.
func (f *clientFlags) run(use func(c *client.Client) error) error {
	at, err := f.endpoint()
	if err != nil {
		return err
	}
	c, err := client.New(at)
	if errors.Is(err, fs.ErrNotExist) {
		return fail(codeInternal, "%w: has the daemon of this data directory been started with --http?", err)
	}
	if err != nil {
		return &failure{codeInternal, err}
	}
	defer c.Close()
	return apiFailure(use(c))
}

// runOn is run for commands on one account.
func (f *clientFlags) runOn(ctx context.Context, use func(c *client.Client, account schema.Account) error) error {
	return f.run(func(c *client.Client) error {
		account, err := f.choose(ctx, c)
		if err != nil {
			return err
		}
		return use(c, account)
	})
}

// choose finds the account that is meant.
func (f *clientFlags) choose(ctx context.Context, c *client.Client) (schema.Account, error) {
	accounts, err := c.Accounts(ctx)
	if err != nil {
		return schema.Account{}, err
	}
	var found []schema.Account
	for _, account := range accounts {
		if f.account == "" || account.ID == f.account || account.DisplayName == f.account || isURI(f.account, account.URI) {
			found = append(found, account)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(accounts) == 0:
		return schema.Account{}, fail(codeNotFound, noAccount)
	case len(found) == 0:
		return schema.Account{}, fail(codeNotFound, "no account %q: want one of %s", plain(f.account), names(accounts))
	}
	return schema.Account{}, fmt.Errorf("which account? Choose with --account one of %s", names(found))
}

// noAccount is for who has a daemon and nothing else.
const noAccount = "there is no account yet: make one with rollcall account create NAME"

func isURI(text string, account infohash.Hash) bool {
	uri, err := identity.ParseURI(text)
	return err == nil && uri == account
}

func names(accounts []schema.Account) string {
	var list []string
	for _, account := range accounts {
		list = append(list, fmt.Sprintf("%s (%s)", account.ID, plain(account.DisplayName)))
	}
	return strings.Join(list, ", ")
}

// apiFailure gives an error of the API its exit code.
func apiFailure(err error) error {
	var coded *failure
	var problem *schema.Problem
	switch {
	case err == nil || errors.As(err, &coded):
		return err
	case errors.Is(err, client.ErrNoDaemon) && errors.Is(err, fs.ErrPermission):
		return fail(codeNoAnswer, "%w: it is another user's, name yours with --data-dir", err)
	case errors.Is(err, client.ErrNoDaemon):
		return fail(codeNoAnswer, "%w: start one with rollcall daemon", err)
	case errors.As(err, &problem):
		return &failure{problemCode(problem.Status), err}
	}
	return err
}

func problemCode(status int) int {
	switch status {
	case http.StatusNotFound:
		return codeNotFound
	case http.StatusRequestEntityTooLarge:
		return codeTooLarge
	case http.StatusBadGateway, http.StatusGatewayTimeout, http.StatusServiceUnavailable:
		return codeNoAnswer
	case http.StatusInternalServerError:
		return codeInternal
	}
	return codeUsage
}

// show prints what a command found: text, or v as JSON.
func (f *clientFlags) show(out io.Writer, v any, text string) error {
	if f.json {
		return json.NewEncoder(out).Encode(v)
	}
	_, err := fmt.Fprintln(out, text)
	return err
}

// list prints items as a table of tab-separated rows, or as JSON. That there are none
// is said on the error output, so that nothing stands for nothing in scripts.
func list[T any](f *clientFlags, cmd *cobra.Command, items []T, head, none string, row func(T) string) error {
	out := cmd.OutOrStdout()
	if f.json {
		encoder := json.NewEncoder(out)
		for _, item := range items {
			if err := encoder.Encode(item); err != nil {
				return err
			}
		}
		return nil
	}
	if len(items) == 0 {
		_, err := fmt.Fprintln(cmd.ErrOrStderr(), none)
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, head)
	for _, item := range items {
		fmt.Fprintln(table, row(item))
	}
	return table.Flush()
}

// plain is a name that others chose, plainText what they have to say: on one line,
// of bounded length, and unable to steer a terminal.
func plain(name string) string { return clean(name, 64) }

func plainText(s string) string { return clean(s, 400) }

func clean(s string, most int) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n++; n > most {
			b.WriteRune('…')
			break
		}
		if !unicode.IsPrint(r) {
			r = '�'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// peerArg reads the id of an account on the network.
func peerArg(text string) (infohash.Hash, error) {
	peer, err := identity.ParseURI(text)
	if err != nil {
		return peer, fmt.Errorf("account %q: want 40 hexadecimal digits, after jami: or nothing", plain(text))
	}
	return peer, nil
}

// checkPeer is the part of findPeer for which nobody is asked.
func checkPeer(text string) error {
	// A name: mistyped ids are longer, or have a prefix.
	const longestName = 32
	if len(text) <= longestName && !strings.Contains(text, ":") {
		return nil
	}
	_, err := peerArg(text)
	return err
}

// findPeer returns the account on the network that an argument names: by its id, or
// by a name that the name server of the account in use knows.
func findPeer(ctx context.Context, c *client.Client, a schema.Account, text string) (infohash.Hash, error) {
	if peer, err := peerArg(text); err == nil {
		return peer, nil
	}
	if err := checkPeer(text); err != nil {
		return infohash.Hash{}, err
	}
	found, err := c.FindName(ctx, a.ID, "", text)
	if err != nil {
		return infohash.Hash{}, fmt.Errorf("account %q is no id of 40 hexadecimal digits; as a name: %w", plain(text), err)
	}
	return found.Address, nil
}

// runOnPeer is runOn with the account on the network that an argument names.
func (f *clientFlags) runOnPeer(ctx context.Context, text string, do func(*client.Client, schema.Account, infohash.Hash) error) error {
	if err := checkPeer(text); err != nil {
		return err
	}
	return f.runOn(ctx, func(c *client.Client, a schema.Account) error {
		peer, err := findPeer(ctx, c, a, text)
		if err != nil {
			return err
		}
		return do(c, a, peer)
	})
}

// secretFile reads a password from a file, or from standard input with "-". It
// is the first line.
func secretFile(cmd *cobra.Command, path string) (string, error) {
	if path == "" {
		return "", nil
	}
	in := cmd.InOrStdin()
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return "", fail(codeInternal, "password: %w", err)
		}
		defer file.Close()
		in = file
	}
	b, err := io.ReadAll(io.LimitReader(in, maxPassword))
	if err != nil {
		return "", fail(codeInternal, "password: %w", err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	line = strings.TrimSuffix(line, "\r")
	if line == "" {
		return "", fmt.Errorf("password: the first line of %s is empty", path)
	}
	return line, nil
}

const maxPassword = 4 << 10
