package http

import (
	"context"
	"maps"
	nethttp "net/http"

	"github.com/danielgtaylor/huma/v2"

	"rollcall/api/http/schema"
	"rollcall/daemon"
	"rollcall/identity"
)

func (s *service) addAccounts(api huma.API) {
	answer(api, operation("GET", "/v1/accounts", "list-accounts", "List the accounts, in the user's order"), s.listAccounts)
	perform(api, operation("PUT", "/v1/accounts", "order-accounts", "Order the accounts"), s.orderAccounts)
	create := operation("POST", "/v1/accounts", "create-account", "Begin to make an account, or to import one; it registers by itself")
	create.DefaultStatus = nethttp.StatusAccepted
	create.MaxBodyBytes = maxArchiveBody
	answer(api, create, s.createAccount)

	const path = "/v1/accounts/{account}"
	answer(api, operation("GET", path, "get-account", "Tell about an account"), s.getAccount)
	perform(api, operation("DELETE", path, "remove-account", "Delete an account with all that is kept of it"), s.removeAccount)
	answer(api, operation("GET", path+"/devices", "list-devices", "List the devices of an account, its own first"), s.listDevices)
	perform(api, operation("PUT", path+"/enabled", "enable-account", "Take an account on or off the network, for good"), s.enableAccount)
	perform(api, operation("PUT", path+"/active", "activate-account", "Take an account on or off the network, until the daemon ends"), s.activateAccount)
	perform(api, operation("PUT", path+"/invisible", "hide-account", "Announce an account no more, or again"), s.hideAccount)
	perform(api, operation("PUT", path+"/password", "set-password", "Change the password of an account's archive"), s.setPassword)
	s.addExport(api, path+"/export")
}

func (s *service) listAccounts(context.Context, *none) ([]schema.Account, error) {
	accounts := []schema.Account{}
	for _, id := range s.daemon.Accounts() {
		// An account that is removed meanwhile is not in the list.
		if account, err := s.daemon.Account(id); err == nil {
			accounts = append(accounts, fromAccount(account))
		}
	}
	return accounts, nil
}

func (s *service) orderAccounts(ctx context.Context, in *struct{ Body schema.Order }) error {
	order := make([]daemon.AccountID, len(in.Body.Accounts))
	for i, id := range in.Body.Accounts {
		order[i] = daemon.AccountID(id)
	}
	return s.daemon.SetOrder(ctx, order)
}

func (s *service) createAccount(ctx context.Context, in *struct{ Body schema.NewAccount }) (schema.CreatedAccount, error) {
	usual := daemon.Template("RING")
	// Like a desktop client, who says nothing else gets the public network.
	settings := daemon.Details{"Account.hostname": usual["Account.hostname"]}
	maps.Copy(settings, daemon.Details(in.Body.Settings))
	if in.Body.DisplayName != "" {
		settings["Account.displayName"] = in.Body.DisplayName
	}
	if in.Body.DeviceName != "" {
		settings["Account.deviceName"] = in.Body.DeviceName
	}
	if err := daemon.CheckChanges(usual, settings); err != nil {
		return schema.CreatedAccount{}, err
	}
	id, err := s.daemon.Create(ctx, daemon.Creation{
		Settings: settings, Secret: identity.Password(in.Body.Password), Archive: in.Body.Archive,
	})
	return schema.CreatedAccount{ID: string(id)}, err
}

func (s *service) getAccount(_ context.Context, in *AccountPath) (schema.Account, error) {
	account, err := s.daemon.Account(in.Account)
	return fromAccount(account), err
}

func (s *service) removeAccount(ctx context.Context, in *AccountPath) error {
	return s.daemon.RemoveAccount(ctx, in.Account)
}

func (s *service) listDevices(_ context.Context, in *AccountPath) ([]schema.Device, error) {
	devices, err := s.daemon.Devices(in.Account)
	return fromDevices(devices), err
}

type switchAccount struct {
	AccountPath
	Body schema.Switch
}

func (s *service) enableAccount(ctx context.Context, in *switchAccount) error {
	return s.daemon.SetEnabled(ctx, in.Account, in.Body.On)
}

func (s *service) activateAccount(ctx context.Context, in *switchAccount) error {
	return s.daemon.SetActive(ctx, in.Account, in.Body.On)
}

func (s *service) hideAccount(ctx context.Context, in *switchAccount) error {
	return s.daemon.SetInvisible(ctx, in.Account, in.Body.On)
}

type newPassword struct {
	AccountPath
	Body schema.NewPassword
}

func (s *service) setPassword(ctx context.Context, in *newPassword) error {
	return s.daemon.ChangePassword(ctx, in.Account, identity.Password(in.Body.From), identity.Password(in.Body.To))
}

type withPassword struct {
	AccountPath
	Body schema.Password
}

type archive struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

// addExport adds the operation that answers with the bytes of an archive, as
// they belong into a file.
func (s *service) addExport(api huma.API, path string) {
	op := operation("POST", path, "export-account", "Return the archive of an account with its settings and contacts")
	op.Responses = map[string]*huma.Response{"200": {
		Description: "The archive",
		Content: map[string]*huma.MediaType{
			"application/octet-stream": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
		},
	}}
	huma.Register(api, op, func(ctx context.Context, in *withPassword) (*archive, error) {
		ctx, cancel := context.WithTimeout(ctx, operationTimeout)
		defer cancel()
		b, err := s.daemon.Export(ctx, in.Account, identity.Password(in.Body.Password))
		if err != nil {
			return nil, problem(err)
		}
		return &archive{"application/octet-stream", b}, nil
	})
}
