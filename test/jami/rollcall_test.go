//go:build peers

package jami

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"rollcall/test/netns"
	"rollcall/test/peers"
)

const configuration = "ConfigurationManager"

// meeting is an account of our daemon and one of the C++ daemon, each on a host of
// its own, on a network with a dhtnode.
type meeting struct {
	ours, theirs       *peers.Account
	ourHost, theirHost *netns.Host
}

// withJamid runs a scenario of a meeting. The flags are for our daemon.
func withJamid(t *testing.T, flags func(bootstrap netip.AddrPort) []string, scenario func(t *testing.T, ctx context.Context, m meeting)) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	network := netns.New(t)
	node := peers.DHTNode.Start(t, network.HostIPv4(), peers.NodeConfig{Port: 4222})
	var extra []string
	if flags != nil {
		extra = flags(node.Addr())
	}
	m := meeting{ourHost: network.HostIPv4(), theirHost: network.HostIPv4()}
	var err error
	if m.ours, err = peers.RollcallDaemon(extra...).Start(t, m.ourHost).AddAccount(ctx, "ours", node.Addr()); err != nil {
		t.Fatal(err)
	}
	if m.theirs, err = peers.Jamid.Start(t, m.theirHost).AddAccount(ctx, "theirs", node.Addr()); err != nil {
		t.Fatal(err)
	}
	scenario(t, ctx, m)
}

// follow has one account track another, and waits until it sees it online.
func follow(t *testing.T, ctx context.Context, who, whom *peers.Account) {
	t.Helper()
	mark := who.Mark()
	if err := who.Track(ctx, whom.URI, true); err != nil {
		t.Fatal(err)
	}
	if _, err := who.WaitPresence(ctx, mark, whom.URI, true); err != nil {
		t.Fatal(err)
	}
}

// ask sends a request and waits until it is shown.
func ask(t *testing.T, ctx context.Context, from, to *peers.Account) {
	t.Helper()
	mark := to.Mark()
	if err := from.SendRequest(ctx, to.URI, []byte("card")); err != nil {
		t.Fatal(err)
	}
	if _, err := to.WaitSignal(ctx, mark, "incomingTrustRequest", to.ID); err != nil {
		t.Fatal(err)
	}
}

// askAnew sends a request that is another one than those before. Within a second the
// C++ daemon makes a conversation of the same id again, and so the same request.
func askAnew(t *testing.T, ctx context.Context, from, to *peers.Account) {
	t.Helper()
	time.Sleep(time.Second)
	if err := from.RemoveContact(ctx, to.URI, false); err != nil {
		t.Fatal(err)
	}
	if err := from.SendRequest(ctx, to.URI, []byte("card")); err != nil {
		t.Fatal(err)
	}
}

// pending returns how many requests an account has.
func pending(t *testing.T, ctx context.Context, a *peers.Account) int {
	t.Helper()
	requests, err := a.Requests(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return len(requests)
}

// TestRollcallDecisions refuses, blocks and takes back what the C++ daemon asks.
func TestRollcallDecisions(t *testing.T) {
	withJamid(t, nil, func(t *testing.T, ctx context.Context, m meeting) {
		ours, theirs := m.ours, m.theirs
		ask(t, ctx, theirs, ours)
		if err := ours.DiscardRequest(ctx, theirs.URI); err != nil {
			t.Fatal(err)
		}
		ours.Restart() // the value is delivered again, and decided still
		mark := ours.Mark()
		if n := pending(t, ctx, ours); n != 0 {
			t.Fatalf("%d requests after it was refused", n)
		}
		askAnew(t, ctx, theirs, ours)
		if _, err := ours.WaitSignal(ctx, mark, "incomingTrustRequest", ours.ID); err != nil {
			t.Fatalf("a newer request after a refused one: %v", err)
		}
		if n := pending(t, ctx, ours); n != 1 {
			t.Fatalf("%d requests, want the newer one", n)
		}

		mark = ours.Mark()
		if err := ours.RemoveContact(ctx, theirs.URI, true); err != nil {
			t.Fatal(err)
		}
		if _, err := ours.WaitSignal(ctx, mark, "contactRemoved", ours.ID, theirs.URI, true); err != nil {
			t.Fatal(err)
		}
		mark = ours.Mark()
		askAnew(t, ctx, theirs, ours)
		quiet, cancel := context.WithTimeout(ctx, 3*time.Second)
		defer cancel()
		if s, err := ours.WaitSignal(quiet, mark, "incomingTrustRequest"); err == nil {
			t.Fatalf("a blocked account is heard: %v", s)
		}

		mark = theirs.Mark()
		if err := ours.AddContact(ctx, theirs.URI); err != nil {
			t.Fatal(err)
		}
		askAnew(t, ctx, theirs, ours)
		if _, err := theirs.WaitSignal(ctx, mark, "contactAdded", theirs.ID, ours.URI, true); err != nil {
			t.Fatalf("no confirmation of a contact that was blocked: %v", err)
		}
	})
}

// TestRollcallLate asks a C++ daemon that is away, and kills ours right after.
func TestRollcallLate(t *testing.T) {
	withJamid(t, nil, func(t *testing.T, ctx context.Context, m meeting) {
		ours, theirs := m.ours, m.theirs
		mark := theirs.Mark()
		if err := theirs.Enable(ctx, false); err != nil {
			t.Fatal(err)
		}
		if _, err := theirs.WaitSignal(ctx, mark, "registrationStateChanged", theirs.ID, "UNREGISTERED"); err != nil {
			t.Fatal(err)
		}
		if err := ours.SendRequest(ctx, theirs.URI, []byte("card")); err != nil {
			t.Fatal(err)
		}
		ours.Restart()
		mark = theirs.Mark()
		if err := theirs.Enable(ctx, true); err != nil {
			t.Fatal(err)
		}
		if _, err := theirs.WaitSignal(ctx, mark, "incomingTrustRequest", theirs.ID); err != nil {
			t.Fatal(err)
		}
		mark = ours.Mark()
		if err := theirs.AcceptRequest(ctx, ours.URI); err != nil {
			t.Fatal(err)
		}
		if _, err := ours.WaitSignal(ctx, mark, "contactAdded", ours.ID, theirs.URI, true); err != nil {
			t.Fatal(err)
		}
	})
}

// TestRollcallLease is watched by the C++ daemon over twenty renewals of a short lease,
// each two fifths before its end, and then killed.
func TestRollcallLease(t *testing.T) {
	const lease, renewals = 7 * time.Second, 20
	flags := func(bootstrap netip.AddrPort) []string {
		return []string{"--lease", lease.String(), "--bootstrap", bootstrap.String()}
	}
	withJamid(t, flags, func(t *testing.T, ctx context.Context, m meeting) {
		ours, theirs := m.ours, m.theirs
		follow(t, ctx, theirs, ours)
		mark := theirs.Mark()
		// The announcement gets a new date, and with it another signature.
		if err := ours.Call(ctx, "ConfigurationManager", "connectivityChanged", nil, nil); err != nil {
			t.Fatal(err)
		}
		watch, cancel := context.WithTimeout(ctx, renewals*lease*3/5)
		defer cancel()
		if s, err := theirs.WaitPresence(watch, mark, ours.URI, false); err == nil {
			t.Fatalf("seen offline while it was there: %v", s)
		}
		ours.Kill()
		killed := time.Now()
		s, err := theirs.WaitPresence(ctx, mark, ours.URI, false)
		if err != nil {
			t.Fatal(err)
		}
		took := s.At.Sub(killed)
		t.Logf("seen offline %v after the end, with a lease of %v", took, lease)
		if took > lease+5*time.Second {
			t.Errorf("want at most %v", lease+5*time.Second)
		}
	})
}

// TestRollcallArchive takes an account from our daemon to the C++ one, and one of
// theirs to ours, with a password and without.
func TestRollcallArchive(t *testing.T) {
	withJamid(t, nil, func(t *testing.T, ctx context.Context, m meeting) {
		ours, theirs := m.ours, m.theirs
		for _, password := range []string{"", "correct horse"} {
			for _, way := range [][2]*peers.Account{{ours, theirs}, {theirs, ours}} {
				from, to := way[0], way[1]
				if password != "" {
					var changed bool
					err := from.Call(ctx, configuration, "changeAccountPassword", []any{from.ID, "", password}, []any{&changed})
					if err != nil || !changed {
						t.Fatalf("%s: change of password: %v, %v", from.Name, changed, err)
					}
				}
				path := filepath.Join(t.TempDir(), "archive.gz")
				var exported bool
				err := from.Call(ctx, configuration, "exportToFile", []any{from.ID, path, password}, []any{&exported})
				if err != nil || !exported {
					t.Fatalf("%s: export: %v, %v", from.Name, exported, err)
				}
				uri, err := importArchive(ctx, to, path, password)
				if err != nil || uri != from.URI {
					t.Errorf("from %s to %s: %s, %v; want %s", from.Name, to.Name, uri, err, from.URI)
				}
			}
		}
	})
}

// importArchive makes an account of a file and returns its URI.
func importArchive(ctx context.Context, at *peers.Account, path, password string) (string, error) {
	var own map[string]string
	if err := at.Call(ctx, configuration, "getAccountDetails", []any{at.ID}, []any{&own}); err != nil {
		return "", err
	}
	details := map[string]string{
		"Account.type": "RING", "Account.hostname": own["Account.hostname"], "Account.upnpEnabled": "false",
		"Account.archivePath": path, "Account.archivePassword": password,
	}
	var id string
	if err := at.Call(ctx, configuration, "addAccount", []any{details}, []any{&id}); err != nil {
		return "", err
	}
	var uri string
	err := peers.Eventually(ctx, func() (bool, error) {
		var found map[string]string
		if err := at.Call(ctx, configuration, "getAccountDetails", []any{id}, []any{&found}); err != nil {
			return false, err
		}
		var all []string
		if err := at.Call(ctx, configuration, "getAccountList", nil, []any{&all}); err != nil {
			return false, err
		}
		if !slices.Contains(all, id) {
			return false, fmt.Errorf("%s: the account is gone again", at.Name)
		}
		uri = found["Account.username"]
		return uri != "", nil
	})
	return uri, err
}

// TestRollcallLoss tells the story with a third of all packets lost.
func TestRollcallLoss(t *testing.T) {
	withJamid(t, nil, func(t *testing.T, ctx context.Context, m meeting) {
		// Whoever has only just joined knows one node, and gives up where that is lost.
		follow(t, ctx, m.ours, m.theirs)
		follow(t, ctx, m.theirs, m.ours)
		for _, host := range []*netns.Host{m.ourHost, m.theirHost} {
			host.Impair(netns.Impairment{Loss: 0.3, Delay: 20 * time.Millisecond})
		}
		for _, way := range [][2]*peers.Account{{m.ours, m.theirs}, {m.theirs, m.ours}} {
			from, to := way[0], way[1]
			ask(t, ctx, from, to)
			mark := from.Mark()
			if err := to.AcceptRequest(ctx, from.URI); err != nil {
				t.Fatal(err)
			}
			if err := awaitAnswer(ctx, mark, from, to); err != nil {
				t.Fatal(err)
			}
			for _, pair := range [][2]*peers.Account{{from, to}, {to, from}} {
				if err := pair[0].RemoveContact(ctx, pair[1].URI, false); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// awaitAnswer waits until from is told that to has accepted its request. An answer can get
// lost; who hears nothing for long asks again, and is answered again (fault F7).
func awaitAnswer(ctx context.Context, mark int, from, to *peers.Account) (err error) {
	for i := range 5 {
		wait, cancel := context.WithTimeout(ctx, 30*time.Second)
		_, err = from.WaitSignal(wait, mark, "contactAdded", from.ID, to.URI, true)
		cancel()
		if err == nil {
			return nil
		}
		// Another card makes it another request.
		if err := from.SendRequest(ctx, to.URI, fmt.Appendf(nil, "card %d", i)); err != nil {
			return err
		}
	}
	return err
}

// TestRollcallCable is seen offline while its cable is out, and online again
// after; what the user asked for meanwhile is delivered then.
func TestRollcallCable(t *testing.T) {
	flags := func(bootstrap netip.AddrPort) []string {
		return []string{"--lease", "10s", "--bootstrap", bootstrap.String()}
	}
	withJamid(t, flags, func(t *testing.T, ctx context.Context, m meeting) {
		ours, theirs := m.ours, m.theirs
		follow(t, ctx, theirs, ours)
		mark := theirs.Mark()
		m.ourHost.Unplug()
		if _, err := theirs.WaitPresence(ctx, mark, ours.URI, false); err != nil {
			t.Fatal(err)
		}
		if err := ours.SendRequest(ctx, theirs.URI, nil); err != nil {
			t.Fatal(err)
		}
		mark = theirs.Mark()
		m.ourHost.Plug()
		if _, err := theirs.WaitPresence(ctx, mark, ours.URI, true); err != nil {
			t.Fatal(err)
		}
		if _, err := theirs.WaitSignal(ctx, mark, "incomingTrustRequest", theirs.ID); err != nil {
			t.Fatal(err)
		}
	})
}
