package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/spf13/cobra"

	"rollcall/api/http/client"
	"rollcall/api/http/schema"
	"rollcall/daemon"
)

// finding is what one check of doctor found.
type finding struct {
	Check  string `json:"check"`
	State  string `json:"state"` // ok, warning or fault
	Found  string `json:"found"`
	Advice string `json:"advice,omitempty"`
	code   int    // exit code of a fault
}

func good(check, format string, args ...any) finding {
	return finding{Check: check, State: "ok", Found: fmt.Sprintf(format, args...)}
}

func warning(check, advice, format string, args ...any) finding {
	return finding{Check: check, State: "warning", Found: fmt.Sprintf(format, args...), Advice: advice}
}

func fault(code int, check, advice, format string, args ...any) finding {
	return finding{Check: check, State: "fault", Found: fmt.Sprintf(format, args...), Advice: advice, code: code}
}

func (f finding) text() string {
	line := fmt.Sprintf("%-8s %s: %s", f.State, f.Check, f.Found)
	if f.Advice != "" {
		line += "\n         " + f.Advice
	}
	return line
}

func doctorCommand() *cobra.Command {
	f := &clientFlags{}
	var network networkFlags
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check clock, data directory, daemon, network, NAT, relays and bus, and say what to do",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			findings, err := f.examine(cmd.Context(), network)
			if err != nil {
				return err
			}
			return f.report(cmd, findings)
		},
	}
	f.add(cmd)
	cmd.Flags().StringArrayVarP(&network.bootstrap, "bootstrap", "b", nil, "see whether the network answers by the node at `HOST[:PORT]`")
	cmd.Flags().Uint32VarP(&network.network, "network", "n", 0, "network `ID` of that node")
	return cmd
}

// examine makes all checks; one that fails stops no other.
func (f *clientFlags) examine(ctx context.Context, network networkFlags) ([]finding, error) {
	dir, err := chosenDataDir(f.dataDir)
	if err != nil {
		return nil, err
	}
	return atOnce(ctx,
		func(context.Context) []finding { return []finding{checkClock(now()), checkDataDir(dir)} },
		func(ctx context.Context) []finding { return f.checkDaemon(ctx, answerTime) },
		func(ctx context.Context) []finding { return checkNode(ctx, network) },
		func(ctx context.Context) []finding {
			return []finding{checkBus(ctx, os.Getenv("DBUS_SESSION_BUS_ADDRESS"))}
		},
	), nil
}

func (f *clientFlags) report(cmd *cobra.Command, findings []finding) error {
	code, faults := 0, 0
	for _, finding := range findings {
		if err := f.show(cmd.OutOrStdout(), finding, finding.text()); err != nil {
			return err
		}
		if finding.State == "fault" {
			faults++
			code = max(code, finding.code)
		}
	}
	if faults > 0 {
		return fail(code, "%d of %d checks failed", faults, len(findings))
	}
	return nil
}

// builtAfter is a time that has passed for certain.
var builtAfter = time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)

// checkClock judges the clock, by which leases end everywhere.
func checkClock(now time.Time) finding {
	const check, advice = "clock", "set it by the network, such as with: timedatectl set-ntp true"
	synchronized, known := clockSynchronized()
	switch {
	case now.Before(builtAfter):
		return fault(codeInternal, check, advice, "it is not %s", now.UTC().Format(time.DateOnly))
	case known && !synchronized:
		return warning(check, advice, "nothing keeps it right; one that is wrong by more than a lease hides you from others")
	case !known:
		return good(check, "%s; whether something keeps it right is not known here", now.UTC().Format(time.RFC3339))
	}
	return good(check, "%s, kept right by the system", now.UTC().Format(time.RFC3339))
}

// checkDataDir sees whether a daemon could keep its data there.
func checkDataDir(dir string) finding {
	const check = "data directory"
	info, err := os.Stat(dir)
	switch {
	case os.IsNotExist(err):
		return good(check, "%s, to be made by rollcall daemon", dir)
	case err != nil:
		return fault(codeInternal, check, "choose another with --data-dir", "%v", err)
	case !info.IsDir():
		return fault(codeInternal, check, "choose another with --data-dir", "%s is a file", dir)
	case isOpen(info):
		return fault(codeInternal, check, "close it: chmod 700 "+dir, "%s is open to other users (mode %o)", dir, info.Mode().Perm())
	}
	if err := tryWriting(dir); err != nil {
		return fault(codeInternal, check, "free some space, or see who owns it", "%v", err)
	}
	return good(check, "%s", dir)
}

// isOpen reports a directory that other users may look into.
func isOpen(dir fs.FileInfo) bool { return dir.Mode().Perm()&0o077 != 0 }

// tryWriting writes a file, of a size that a full disk does not take, and
// removes it.
func tryWriting(dir string) error {
	file, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	if _, err := file.Write(make([]byte, 1<<20)); err != nil {
		return err
	}
	return file.Sync()
}

// answerTime is how long a daemon may take to say how it is, on a machine that is busy.
const answerTime = 10 * time.Second

// checkDaemon asks the daemon how it is, and how its networks and accounts are.
func (f *clientFlags) checkDaemon(ctx context.Context, patience time.Duration) []finding {
	var findings []finding
	err := f.run(func(c *client.Client) error {
		first, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		status, err := c.Status(first)
		if first.Err() != nil && ctx.Err() == nil {
			return fmt.Errorf("it is there and does not answer within %v: end it, if need be by kill -9, and start it anew", patience)
		}
		if err != nil {
			return err
		}
		accounts, err := c.Accounts(ctx)
		if err != nil {
			return err
		}
		at, err := f.endpoint()
		if err != nil {
			return err
		}
		findings = append(findings, good("daemon", "answers at %v", at))
		findings = append(findings, checkStatus(status)...)
		for _, account := range accounts {
			findings = append(findings, checkAccount(account))
		}
		findings = append(findings, checkReach(ctx, c, status, accounts)...)
		return nil
	})
	if err != nil {
		findings = append(findings, fault(codeNoAnswer, "daemon", "", "%v", err))
	}
	return findings
}

func checkStatus(status schema.Status) []finding {
	var findings []finding
	for _, n := range status.Networks {
		if n.Connected {
			findings = append(findings, good("network", "%s: %s", networkName(n), counted(n.GoodNodes, "good node")))
			continue
		}
		if len(n.Bootstrap) == 0 {
			findings = append(findings, warning("network",
				"to join one: rollcall account settings Account.hostname=HOST, or rollcall daemon -b HOST",
				"of its own: nobody was named to join it by, and nobody came"))
			continue
		}
		findings = append(findings, fault(codeNoAnswer, "network",
			"see whether UDP passes the firewall, and the node with: rollcall dht ping HOST",
			"%s: no node answers", networkName(n)))
	}
	for _, d := range status.Damaged {
		findings = append(findings, fault(codeInternal, "data",
			"put a backup back, with the daemon stopped: rollcall restore DIR", "%s: %s", d.Path, plainText(d.Reason)))
	}
	return findings
}

func checkAccount(a schema.Account) finding {
	check := "account " + a.ID
	state := accountState(a)
	if a.DisplayName != "" {
		state = plain(a.DisplayName) + ": " + state
	}
	switch {
	case a.State == string(daemon.Registered) || !a.Enabled || !a.Active || a.State == string(daemon.Initializing):
		return good(check, "%s", state)
	case a.State == string(daemon.Trying):
		return warning(check, "if it stays so, see the network above", "%s", state)
	}
	return fault(codeNoAnswer, check, "see the log of the daemon", "%s", state)
}

// checkNode sees whether the network answers without a daemon, if a node is named.
func checkNode(ctx context.Context, network networkFlags) []finding {
	if len(network.bootstrap) == 0 {
		return nil
	}
	check := "node " + strings.Join(network.bootstrap, " ")
	start := time.Now()
	node, err := network.join(ctx, joinTimeout)
	if err != nil {
		return []finding{fault(codeNoAnswer, check, "see whether the name is right and UDP passes the firewall", "%v", err)}
	}
	defer node.Close()
	return []finding{good(check, "the network answers, after %v", time.Since(start).Round(time.Millisecond))}
}

// busName is what desktop clients look for.
const busName = "cx.ring.Ring"

// checkBus looks for the session bus and for the daemon on it. A machine without
// desktop needs neither.
func checkBus(ctx context.Context, address string) finding {
	const check, advice = "bus", "needed by desktop clients only; run the daemon with --bus none without them"
	if address == "" {
		if info, err := os.Stat(os.Getenv("XDG_RUNTIME_DIR") + "/bus"); err == nil && info.Mode().Type() == fs.ModeSocket {
			address = "unix:path=" + os.Getenv("XDG_RUNTIME_DIR") + "/bus"
		}
	}
	if address == "" {
		return warning(check, advice, "there is no session bus")
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := dbus.Connect(address, dbus.WithContext(ctx))
	if err != nil {
		return warning(check, advice, "the session bus does not answer: %v", err)
	}
	defer conn.Close()
	var owned bool
	if err := conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.NameHasOwner", 0, busName).Store(&owned); err != nil {
		return warning(check, advice, "the session bus does not answer: %v", err)
	}
	if !owned {
		return warning(check, "start rollcall daemon in the session of the desktop", "nobody is %s on it", busName)
	}
	return good(check, "somebody is %s on it", busName)
}
