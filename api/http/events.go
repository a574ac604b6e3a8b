package http

import (
	"context"
	"encoding/json"
	nethttp "net/http"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"rollcall/api/http/schema"
	"rollcall/daemon"
)

func (s *service) addEvents(api huma.API) {
	op := operation("GET", "/v1/events", "follow-events", "Follow everything that changes")
	op.Description = "Server-sent events, each with the type as its event and a JSON object as its data. " +
		"A stream begins with a start event unless it continues the one that Last-Event-ID names: " +
		"what was before is not in it and is to be read afresh, now."
	event := api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[schema.Event](), true, "Event")
	op.Responses = map[string]*huma.Response{"200": {
		Description: "A stream without an end",
		Content: map[string]*huma.MediaType{
			"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeArray, Items: event}},
		},
	}}
	var open atomic.Int32
	huma.Register(api, op, func(_ context.Context, in *eventQuery) (*huma.StreamResponse, error) {
		if in.Account != "" {
			if _, err := s.daemon.Account(in.Account); err != nil {
				return nil, problem(err)
			}
		}
		if open.Add(1) > maxStreams {
			open.Add(-1)
			return nil, huma.NewError(nethttp.StatusServiceUnavailable, "too many event streams are open, close some")
		}
		return &huma.StreamResponse{Body: func(ctx huma.Context) {
			defer open.Add(-1)
			r, w := humago.Unwrap(ctx)
			s.stream(r.Context(), w, in)
		}}, nil
	})
}

type eventQuery struct {
	Account daemon.AccountID `query:"account" doc:"Only events of this account"`
	Last    string           `header:"Last-Event-ID" maxLength:"64" doc:"Continue after this event"`
}

// stream writes events until the reader is gone or takes too long.
func (s *service) stream(ctx context.Context, w nethttp.ResponseWriter, in *eventQuery) {
	w.Header().Set("Content-Type", "text/event-stream")
	out := flusher{w, nethttp.NewResponseController(w)}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	n := s.events.position(in.Last)
	for ctx.Err() == nil {
		batch, next, ok, wake := s.events.since(n)
		n = next
		var err error
		switch {
		case !ok:
			err = out.send(startFrame(s.events.id(n)))
		case len(batch) > 0:
			err = out.send(join(batch, in.Account))
		default:
			select {
			case <-wake:
			case <-ctx.Done():
			case <-beat.C:
				err = out.send([]byte(": still here\n\n"))
			}
		}
		if err != nil {
			return
		}
	}
}

func startFrame(id string) []byte {
	data, err := json.Marshal(schema.Event{ID: id, Type: schema.Start})
	if err != nil {
		panic(err) // only types that JSON lacks make it fail
	}
	return appendFrame(nil, id, schema.Start, data)
}

// join puts the events of one account, or of all with "", into one write.
func join(batch []frame, account daemon.AccountID) []byte {
	var b []byte
	for _, f := range batch {
		if account == "" || f.account == "" || f.account == account {
			b = append(b, f.text...)
		}
	}
	return b
}

// flusher sends each write at once, and gives it a time to be taken.
type flusher struct {
	w          nethttp.ResponseWriter
	controller *nethttp.ResponseController
}

func (f flusher) send(b []byte) error {
	if err := f.controller.SetWriteDeadline(time.Now().Add(flushTimeout)); err != nil {
		return err
	}
	if _, err := f.w.Write(b); err != nil {
		return err
	}
	return f.controller.Flush()
}
