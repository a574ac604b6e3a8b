package http

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"rollcall/api/http/schema"
	"rollcall/daemon"
)

func (s *service) addSettings(api huma.API) {
	const path = "/v1/accounts/{account}"
	answer(api, operation("GET", "/v1/settings", "get-default-settings", "Return the settings of a new account"), s.getDefaultSettings)
	answer(api, operation("GET", path+"/settings", "get-settings", "Return the settings of an account"), s.getSettings)
	perform(api, operation("PATCH", path+"/settings", "change-settings", "Change settings of an account; absent ones stay"), s.changeSettings)
	answer(api, operation("GET", path+"/volatile", "get-volatile", "Return the state of an account in the form of its settings"), s.getVolatile)
}

func (s *service) getDefaultSettings(context.Context, *none) (schema.Settings, error) {
	return schema.Settings(daemon.Template("RING")), nil
}

func (s *service) getSettings(_ context.Context, in *AccountPath) (schema.Settings, error) {
	details, err := s.daemon.Details(in.Account)
	return schema.Settings(details), err
}

type changedSettings struct {
	AccountPath
	Body schema.Settings
}

func (s *service) changeSettings(ctx context.Context, in *changedSettings) error {
	present, err := s.daemon.Details(in.Account)
	if err != nil {
		return err
	}
	if err := daemon.CheckChanges(present, daemon.Details(in.Body)); err != nil {
		return err
	}
	return s.daemon.SetDetails(ctx, in.Account, daemon.Details(in.Body))
}

func (s *service) getVolatile(_ context.Context, in *AccountPath) (schema.Settings, error) {
	details, err := s.daemon.VolatileDetails(in.Account)
	return schema.Settings(details), err
}
