package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"rollcall/dht"
	"rollcall/dht/infohash"
	"rollcall/dht/value"
)

// dhtFlags are those of the commands that work on the network from outside.
type dhtFlags struct {
	network networkFlags
	json    bool
	timeout time.Duration
	sign    string
	decrypt string
	to      string
	kind    uint16
	user    string
	id      uint64
	keep    bool
	where   string
}

func dhtCommand() *cobra.Command {
	var f dhtFlags
	cmd := groupCommand("dht", "Ask the OpenDHT network: ping, get, put, listen")
	cmd.Long = `Ask the OpenDHT network through the node at -b.

A KEY is 40 hexadecimal digits; any other text stands for its SHA-1.

Exit codes: 0 done, 1 wrong usage, 2 no answer, 3 nothing found, 4 value too
large, 5 wrong recipient, 6 unknown host, 7 the machine refused something,
130 interrupted before that.`
	cmd.PersistentPreRunE = func(*cobra.Command, []string) error {
		if f.timeout <= 0 {
			return fmt.Errorf("--timeout %v: want more, such as 10s", f.timeout)
		}
		return nil
	}
	flags := cmd.PersistentFlags()
	f.network.add(flags)
	flags.BoolVar(&f.json, "json", false, "print JSON, one object a line")
	flags.DurationVar(&f.timeout, "timeout", 30*time.Second, "give up after this `TIME`")
	cmd.AddCommand(f.pingCommand(), f.getCommand(), f.putCommand(), f.listenCommand())
	return cmd
}

func (f *dhtFlags) pingCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "ping [HOST[:PORT]]",
		Short: "See whether a node answers, by default that of -b",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = f.network.bootstrap
			}
			if len(args) == 0 {
				return errors.New("no node to ping: name one")
			}
			return f.ping(cmd.Context(), cmd.OutOrStdout(), args[0])
		},
	}
}

func (f *dhtFlags) getCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "get KEY",
		Short: "Print the values under a key",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.get(cmd.Context(), cmd.OutOrStdout(), args[0])
		},
	}
	f.addReading(cmd)
	return cmd
}

func (f *dhtFlags) listenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "listen KEY",
		Short: "Print the values under a key as they come and go, until interrupted",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.listen(cmd.Context(), cmd.OutOrStdout(), args[0])
		},
	}
	f.addReading(cmd)
	return cmd
}

func (f *dhtFlags) addReading(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.decrypt, "decrypt-with", "", "read what is encrypted to the identity in `FILE`")
	cmd.Flags().StringVar(&f.where, "where", "", "only values that meet `CONDITIONS`, such as id=1,value_type=3")
}

func (f *dhtFlags) putCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "put KEY VALUE",
		Short: "Store a value under a key (- reads it from standard input)",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.put(cmd.Context(), cmd.OutOrStdout(), args[0], args[1])
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.sign, "sign", "", "sign with the identity in `FILE` (made if absent)")
	flags.StringVar(&f.to, "encrypt-to", "", "encrypt to the key with this `ID`; needs --sign")
	flags.Uint16Var(&f.kind, "type", 0, "value type `NUMBER`")
	flags.StringVar(&f.user, "user-type", "", "`TYPE` as a hint for readers, such as text/plain")
	flags.Uint64Var(&f.id, "id", 0, "value `ID` (0: random)")
	flags.BoolVar(&f.keep, "permanent", false, "keep the value alive until interrupted")
	return cmd
}

func (f *dhtFlags) ping(ctx context.Context, out io.Writer, name string) error {
	cfg, err := f.network.config()
	if err != nil {
		return err
	}
	cfg.Client, cfg.Bootstrap = true, nil
	node, err := dht.Open(ctx, cfg)
	if err != nil {
		return openFailure(err)
	}
	defer node.Close()
	if err := resolvable(ctx, node, []string{name}); err != nil {
		return err
	}
	addrs, err := node.Resolve(ctx, name)
	if err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	var errs []error
	for _, addr := range addrs {
		start := time.Now()
		if err := node.Ping(waiting, addr); err != nil {
			errs = append(errs, err)
			continue
		}
		return f.print(out, pingResult{Node: addr.String(), Seconds: time.Since(start).Seconds()})
	}
	if ctx.Err() == nil && waiting.Err() != nil {
		return fail(codeNoAnswer, "no answer from %s within %v: is a node running there?", name, f.timeout)
	}
	return fail(codeNoAnswer, "no answer from %s: %w", name, errors.Join(errs...))
}

func (f *dhtFlags) get(ctx context.Context, out io.Writer, keyText string) error {
	node, key, lookup, err := f.reader(ctx, keyText)
	if err != nil {
		return err
	}
	defer node.Close()
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	found := 0
	for v, err := range node.Get(ctx, key, lookup) {
		if err != nil {
			return fail(codeNoAnswer, "get %v: %w", key, err)
		}
		found++
		if err := f.print(out, newValueResult(v, false)); err != nil {
			return err
		}
	}
	if found > 0 {
		return nil
	}
	if sealed, err := f.sealed(ctx, node, key); err == nil && sealed {
		return fail(codeRecipient, "%v holds only values encrypted to somebody else: give the identity with --decrypt-with", key)
	}
	return fail(codeNotFound, "nothing found under %v", key)
}

// sealed reports whether there are values under key that could not be read.
func (f *dhtFlags) sealed(ctx context.Context, node *dht.Node, key infohash.Hash) (bool, error) {
	for _, err := range node.Select(ctx, key, []value.Field{value.FieldID}) {
		return err == nil, err
	}
	return false, nil
}

func (f *dhtFlags) listen(ctx context.Context, out io.Writer, keyText string) error {
	node, key, lookup, err := f.reader(ctx, keyText)
	if err != nil {
		return err
	}
	defer node.Close()
	for event, err := range node.Listen(ctx, key, lookup) {
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fail(codeNoAnswer, "listen %v: %w", key, err)
		}
		if err := f.print(out, newValueResult(event.Value, event.Expired)); err != nil {
			return err
		}
	}
	return nil
}

// reader opens a node and reads what get and listen share.
func (f *dhtFlags) reader(ctx context.Context, keyText string) (*dht.Node, infohash.Hash, dht.Lookup, error) {
	var lookup dht.Lookup
	key, err := parseKey(keyText)
	if err != nil {
		return nil, key, lookup, err
	}
	if f.where != "" {
		query, err := value.ParseQueryText("WHERE " + f.where)
		if err != nil {
			return nil, key, lookup, fmt.Errorf("--where: %w", err)
		}
		lookup.Where = query.Where
	}
	if f.decrypt != "" {
		if lookup.As, err = readIdentity(f.decrypt); err != nil {
			return nil, key, lookup, err
		}
	}
	node, err := f.network.join(ctx, f.timeout)
	return node, key, lookup, err
}

func (f *dhtFlags) put(ctx context.Context, out io.Writer, keyText, text string) error {
	key, err := parseKey(keyText)
	if err != nil {
		return err
	}
	v := &value.Value{ID: f.id, Type: value.TypeID(f.kind), UserType: f.user}
	if v.Data, err = valueData(text); err != nil {
		return err
	}
	if len(v.Data) > value.MaxDataSize {
		return &failure{codeTooLarge, dht.ErrTooLarge}
	}
	if f.to != "" && f.sign == "" {
		return errors.New("--encrypt-to needs --sign FILE: encrypted values are always signed")
	}
	var identity *dht.Identity
	if f.sign != "" {
		if identity, err = loadIdentity(ctx, f.sign); err != nil {
			return err
		}
	}
	node, err := f.network.join(ctx, f.timeout)
	if err != nil {
		return err
	}
	defer node.Close()
	limited, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	if v, err = f.seal(limited, node, identity, key, v); err != nil {
		return err
	}
	return f.store(ctx, limited, out, node, key, v)
}

// seal signs and encrypts v as the flags ask.
func (f *dhtFlags) seal(ctx context.Context, node *dht.Node, id *dht.Identity, key infohash.Hash, v *value.Value) (*value.Value, error) {
	if f.to != "" {
		to, err := infohash.Parse(f.to)
		if err != nil {
			return nil, fmt.Errorf("--encrypt-to: %w", err)
		}
		chain, err := node.FindCertificate(ctx, to, value.LongID{})
		if err != nil {
			return nil, fail(codeRecipient, "cannot encrypt: %w", err)
		}
		return dht.Seal(id, chain[0].SPKI, v)
	}
	if id != nil {
		return v, node.Sign(ctx, id, key, v)
	}
	return v, nil
}

func (f *dhtFlags) store(ctx, limited context.Context, out io.Writer, node *dht.Node, key infohash.Hash, v *value.Value) error {
	if !f.keep {
		stored, err := node.Put(limited, key, v)
		if err != nil {
			return putFailure(key, err)
		}
		return f.print(out, putResult{Key: key, ID: strconv.FormatUint(v.ID, 10), Nodes: stored})
	}
	keep, err := node.Keep(ctx, key, v)
	if err != nil {
		return putFailure(key, err)
	}
	stored, err := keep.Wait(limited)
	if err != nil {
		return putFailure(key, err)
	}
	if err := f.print(out, putResult{Key: key, ID: strconv.FormatUint(v.ID, 10), Nodes: stored}); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

func putFailure(key infohash.Hash, err error) error {
	if errors.Is(err, dht.ErrTooLarge) {
		return &failure{codeTooLarge, err}
	}
	return fail(codeNoAnswer, "put %v: %w", key, err)
}

func parseKey(text string) (infohash.Hash, error) {
	key := infohash.ParseKey(text)
	if text == "" || key.IsZero() {
		return key, fmt.Errorf("bad key %q: want 40 hexadecimal digits, not all zero, or a text", text)
	}
	return key, nil
}

func valueData(text string) ([]byte, error) {
	if text != "-" {
		return []byte(text), nil
	}
	data, err := io.ReadAll(io.LimitReader(os.Stdin, value.MaxDataSize+1))
	if err != nil {
		return nil, fail(codeInternal, "standard input: %w", err)
	}
	return data, nil
}
