package http

import (
	"context"
	"fmt"
	nethttp "net/http"
	"path/filepath"

	"github.com/danielgtaylor/huma/v2"

	"rollcall/api/http/schema"
	"rollcall/daemon"
	"rollcall/dht"
)

func (s *service) addStatus(api huma.API) {
	answer(api, operation("GET", "/v1/status", "get-status", "Tell how the daemon is"), s.getStatus)
	perform(api, operation("POST", "/v1/register", "register-accounts", "Register all enabled accounts again"), s.register)
	perform(api, operation("POST", "/v1/connectivity", "tell-connectivity", "Tell that the machine's network has changed"), s.tellConnectivity)
	perform(api, operation("POST", "/v1/backups", "back-up", "Copy all accounts, their keys included, into a new directory"), s.backUp)
}

func (s *service) backUp(ctx context.Context, in *struct{ Body schema.Backup }) error {
	dir := in.Body.Directory
	if !filepath.IsAbs(dir) {
		return &daemon.InvalidError{Field: "directory", Value: dir, Want: "an absolute path"}
	}
	return s.daemon.Backup(ctx, dir)
}

func (s *service) getStatus(context.Context, *none) (schema.Status, error) {
	return fromStatus(s.daemon.Status()), nil
}

func (s *service) register(context.Context, *none) error {
	s.daemon.RegisterAll()
	return nil
}

func (s *service) tellConnectivity(context.Context, *none) error {
	s.daemon.ConnectivityChanged()
	return nil
}

// health tells whether the networks are reached: a process that answers says
// nothing about that.
func (s *service) health(w nethttp.ResponseWriter, _ *nethttp.Request) {
	for _, network := range s.daemon.Status().Networks {
		if network.Metrics.Status != dht.Connected {
			w.WriteHeader(nethttp.StatusServiceUnavailable)
			fmt.Fprintf(w, "%v: %v\n", network.Bootstrap, network.Metrics.Status)
			return
		}
	}
	fmt.Fprintln(w, "ok")
}
