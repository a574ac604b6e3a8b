package http

import (
	"context"
	"encoding/json"
	nethttp "net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"rollcall/api/http/schema"
	"rollcall/daemon"
	"rollcall/dht/infohash"
)

type none struct{}

// AccountPath are the parameters of operations on an account. Like the other
// parts of inputs it is exported for the sake of reflection only.
type AccountPath struct {
	Account daemon.AccountID `path:"account" doc:"Id of an account of the daemon"`
}

// PeerPath are the parameters of operations on a contact of an account.
type PeerPath struct {
	AccountPath
	Peer infohash.Hash `path:"peer" pattern:"^[0-9a-fA-F]{40}$" patternDescription:"an account id: 40 hexadecimal digits"`
}

// service has a method for each operation.
type service struct {
	daemon *daemon.Daemon
	events *history
}

// newRoutes returns the handler of the whole API.
func newRoutes(d *daemon.Daemon, events *history) (nethttp.Handler, error) {
	mux := nethttp.NewServeMux()
	s := &service{d, events}
	document, err := json.Marshal(s.describe(mux).OpenAPI())
	if err != nil {
		return nil, err
	}
	mux.HandleFunc("GET /openapi.json", func(w nethttp.ResponseWriter, _ *nethttp.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(document)
	})
	mux.HandleFunc("GET /healthz", s.health)
	mux.Handle("GET /metrics", s.metrics())
	return fallback{mux}, nil
}

// describe adds all operations to mux.
func (s *service) describe(mux *nethttp.ServeMux) huma.API {
	api := newAPI(mux)
	s.addAccounts(api)
	s.addSettings(api)
	s.addContacts(api)
	s.addRequests(api)
	s.addPresence(api)
	s.addTalk(api)
	s.addNames(api)
	s.addStatus(api)
	s.addEvents(api)
	return api
}

func newAPI(mux *nethttp.ServeMux) huma.API {
	config := huma.DefaultConfig("Rollcall", "1")
	config.Info.Description = "Presence and contacts for the Jami network."
	// What the defaults would add: pages that load code from elsewhere, documents
	// made anew per format, and a link in every answer.
	config.DocsPath, config.OpenAPIPath, config.SchemasPath, config.CreateHooks = "", "", "", nil
	config.Formats = map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat}
	config.Transformers = []huma.Transformer{trim}
	config.RejectUnknownQueryParameters = true
	return humago.New(mux, config)
}

// operation describes a route; the first word of id is its verb.
func operation(method, path, id, summary string) huma.Operation {
	return huma.Operation{
		Method: method, Path: path, OperationID: id, Summary: summary,
		MaxBodyBytes: maxBody, BodyReadTimeout: bodyTimeout,
	}
}

type reply[T any] struct{ Body T }

// answer adds an operation that returns something.
func answer[I, O any](api huma.API, op huma.Operation, f func(context.Context, *I) (O, error)) {
	answerBy(api, op, problem, f)
}

// ask adds one that asks other machines.
func ask[I, O any](api huma.API, op huma.Operation, f func(context.Context, *I) (O, error)) {
	answerBy(api, op, networkProblem, f)
}

func answerBy[I, O any](api huma.API, op huma.Operation, problem func(error) error, f func(context.Context, *I) (O, error)) {
	huma.Register(api, op, func(ctx context.Context, in *I) (*reply[O], error) {
		ctx, cancel := context.WithTimeout(ctx, operationTimeout)
		defer cancel()
		out, err := f(ctx, in)
		if err != nil {
			return nil, problem(err)
		}
		return &reply[O]{out}, nil
	})
}

// perform adds an operation that returns nothing but success.
func perform[I any](api huma.API, op huma.Operation, f func(context.Context, *I) error) {
	op.DefaultStatus = nethttp.StatusNoContent
	huma.Register(api, op, func(ctx context.Context, in *I) (*struct{}, error) {
		ctx, cancel := context.WithTimeout(ctx, operationTimeout)
		defer cancel()
		if err := f(ctx, in); err != nil {
			return nil, problem(err)
		}
		return nil, nil
	})
}

// fallback answers what no route matches in the form of all other errors.
type fallback struct{ mux *nethttp.ServeMux }

func (f fallback) ServeHTTP(w nethttp.ResponseWriter, r *nethttp.Request) {
	refuse, pattern := f.mux.Handler(r)
	if pattern != "" {
		f.mux.ServeHTTP(w, r)
		return
	}
	status := &statusWriter{header: w.Header(), status: nethttp.StatusOK}
	refuse.ServeHTTP(status, r)
	writeProblem(w, status.status, schema.Fault{
		Location: "path", Value: shown(r.Method + " " + r.URL.Path), Message: "want an operation of /openapi.json",
	})
}

// statusWriter keeps of an answer its status and header.
type statusWriter struct {
	header nethttp.Header
	status int
}

func (w *statusWriter) Header() nethttp.Header      { return w.header }
func (w *statusWriter) WriteHeader(status int)      { w.status = status }
func (w *statusWriter) Write(p []byte) (int, error) { return len(p), nil }
