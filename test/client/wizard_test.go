//go:build peers

package client

import (
	"context"
	"fmt"
	"testing"

	"rollcall/test/netns"
	"rollcall/test/peers"
)

// TestWizard lets a new user, who has no account, make one.
func TestWizard(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	network := netns.New(t)
	node := peers.DHTNode.Start(t, network.HostIPv4(), peers.NodeConfig{Port: 4222})
	daemon := peers.RollcallDaemon("--bootstrap", node.Addr().String()).Start(t, network.HostIPv4())
	u := start(ctx, t, daemon)

	u.do(u.called("addAccount"),
		press("Create new Jami account"),
		see("Advanced account settings"),
		press("Join Jami"), // without a name
		see("Choose a username"),
		press("Join Jami"), // in the dialog that asks again
	)
	if err := u.shown("Welcome to Jami")(ctx); err != nil {
		t.Fatal(err)
	}
	var accounts []string
	if err := daemon.Call(ctx, "ConfigurationManager", "getAccountList", nil, []any{&accounts}); err != nil || len(accounts) != 1 {
		t.Fatalf("accounts: %q, %v; want one", accounts, err)
	}
	err := peers.Eventually(ctx, func() (bool, error) {
		details := make(map[string]string)
		err := daemon.Call(ctx, "ConfigurationManager", "getVolatileAccountDetails", []any{accounts[0]}, []any{&details})
		if err == nil && (details["Account.registrationStatus"] != "REGISTERED" || details["Account.deviceAnnounced"] != "true") {
			err = fmt.Errorf("account: %v", details)
		}
		return err == nil, err
	})
	if err != nil {
		t.Fatal(err)
	}
}
