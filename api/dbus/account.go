package dbus

import (
	"context"
	"strings"

	"rollcall/daemon"
	"rollcall/identity"
)

func (f *face) accounts() []handler {
	return []handler{
		{"getAccountList", f.daemon.Accounts},
		{"getAccountTemplate", daemon.Template},
		{"addAccount", f.addAccount},
		{"removeAccount", f.removeAccount},
		{"setAccountsOrder", f.setAccountsOrder},
		{"getAccountDetails", func(id daemon.AccountID) daemon.Details { return known(f.daemon.Details(id)) }},
		{"setAccountDetails", f.setAccountDetails},
		{"getVolatileAccountDetails", func(id daemon.AccountID) daemon.Details { return known(f.daemon.VolatileDetails(id)) }},
		{"sendRegister", f.sendRegister},
		{"setAccountActive", f.setAccountActive},
		{"registerAllAccounts", f.daemon.RegisterAll},
		{"connectivityChanged", f.daemon.ConnectivityChanged},
		{"exportToFile", f.exportToFile},
		{"exportToFile", f.exportToFile2026},
		{"changeAccountPassword", f.changeAccountPassword},
		{"isAllModerators", moderators},
		{"isLocalModeratorsEnabled", moderators},
	}
}

// moderators answers what clients take for the default of an account.
func moderators(daemon.AccountID) bool { return true }

func (f *face) addAccount(ctx context.Context, details daemon.Details) daemon.AccountID {
	id, err := f.daemon.AddAccount(ctx, details)
	if !f.ok("addAccount", err) {
		return ""
	}
	return id
}

// removeAccount tells of a change even where there is none, as clients expect
// (dbus spec 2.1).
func (f *face) removeAccount(ctx context.Context, id daemon.AccountID) {
	if !f.ok("removeAccount", f.daemon.RemoveAccount(ctx, id)) {
		f.emit(configurationSignal("accountsChanged"))
	}
}

func (f *face) setAccountsOrder(ctx context.Context, list string) {
	var order []daemon.AccountID
	for id := range strings.SplitSeq(list, "/") {
		if id != "" {
			order = append(order, daemon.AccountID(id))
		}
	}
	f.ok("setAccountsOrder", f.daemon.SetOrder(ctx, order))
}

func (f *face) setAccountDetails(ctx context.Context, id daemon.AccountID, details daemon.Details) {
	f.ok("setAccountDetails", f.daemon.SetDetails(ctx, id, details))
}

func (f *face) sendRegister(ctx context.Context, id daemon.AccountID, on bool) {
	f.ok("sendRegister", f.daemon.SetEnabled(ctx, id, on))
}

func (f *face) setAccountActive(ctx context.Context, id daemon.AccountID, on bool) {
	f.ok("setAccountActive", f.daemon.SetActive(ctx, id, on))
}

func (f *face) exportToFile(ctx context.Context, id daemon.AccountID, path, password string) bool {
	return f.ok("exportToFile", f.daemon.ExportFile(ctx, id, path, identity.Password(password)))
}

func (f *face) exportToFile2026(ctx context.Context, id daemon.AccountID, path string, scheme identity.Scheme, text string) bool {
	return f.ok("exportToFile", f.daemon.ExportFile(ctx, id, path, identity.Secret{Scheme: scheme, Text: text}))
}

func (f *face) changeAccountPassword(ctx context.Context, id daemon.AccountID, from, to string) bool {
	return f.ok("changeAccountPassword", f.daemon.ChangePassword(ctx, id, identity.Password(from), identity.Password(to)))
}
