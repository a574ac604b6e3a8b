package http

import (
	"context"
	"errors"
	nethttp "net/http"

	"github.com/danielgtaylor/huma/v2"

	"rollcall/contact"
	"rollcall/daemon"
	"rollcall/pidf"
	"rollcall/presence"
	"rollcall/talk"
)

// statuses says how the API reports what a caller got wrong.
var statuses = []struct {
	err    error
	status int
}{
	{daemon.ErrUnknownAccount, nethttp.StatusNotFound},
	{daemon.ErrNoContact, nethttp.StatusNotFound},
	{daemon.ErrNoRequest, nethttp.StatusNotFound},
	{daemon.ErrNoName, nethttp.StatusNotFound},
	{daemon.ErrNotReady, nethttp.StatusConflict},
	{daemon.ErrNoNameServer, nethttp.StatusConflict},
	{daemon.ErrAway, nethttp.StatusConflict},
	{talk.ErrTooMany, nethttp.StatusConflict},
	{contact.ErrFull, nethttp.StatusConflict},
	{presence.ErrTooMany, nethttp.StatusConflict},
	{daemon.ErrPassword, nethttp.StatusForbidden},
	{daemon.ErrArchive, nethttp.StatusUnprocessableEntity},
	{daemon.ErrBadName, nethttp.StatusUnprocessableEntity},
	{contact.ErrPeer, nethttp.StatusUnprocessableEntity},
	{contact.ErrPayload, nethttp.StatusUnprocessableEntity},
	{pidf.ErrHidden, nethttp.StatusUnprocessableEntity},
	{talk.ErrNote, nethttp.StatusUnprocessableEntity},
	{talk.ErrText, nethttp.StatusUnprocessableEntity},
	{presence.ErrZero, nethttp.StatusUnprocessableEntity},
	{daemon.ErrClosed, nethttp.StatusServiceUnavailable},
	{context.DeadlineExceeded, nethttp.StatusGatewayTimeout},
	{context.Canceled, nethttp.StatusServiceUnavailable},
}

// problem translates an error of the daemon.
func problem(err error) error {
	var translated huma.StatusError
	if errors.As(err, &translated) {
		return err
	}
	var invalid *daemon.InvalidError
	if errors.As(err, &invalid) {
		return huma.NewError(nethttp.StatusUnprocessableEntity, err.Error(), &huma.ErrorDetail{
			Location: invalid.Field, Value: invalid.Value, Message: "want " + invalid.Want,
		})
	}
	for _, s := range statuses {
		if errors.Is(err, s.err) {
			return huma.NewError(s.status, err.Error())
		}
	}
	return huma.NewError(nethttp.StatusInternalServerError, err.Error())
}

// networkProblem translates an error of an operation that asks others, whose
// failures are not the daemon's own.
func networkProblem(err error) error {
	var translated huma.StatusError
	if errors.As(problem(err), &translated) && translated.GetStatus() != nethttp.StatusInternalServerError {
		return translated
	}
	return huma.NewError(nethttp.StatusBadGateway, err.Error())
}

// trim keeps refused values short in errors, and passwords out of them: a
// body or an object may contain one. It says which content type would do.
func trim(_ huma.Context, _ string, v any) (any, error) {
	p, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	if p.Status == nethttp.StatusUnsupportedMediaType {
		p.Detail = "want the content type application/json"
	}
	for _, detail := range p.Errors {
		value, isText := detail.Value.(string)
		_, isNumber := detail.Value.(float64)
		_, isFlag := detail.Value.(bool)
		switch {
		case isText && detail.Location != "body":
			detail.Value = shown(value)
		case !isNumber && !isFlag:
			detail.Value = nil
		}
	}
	return p, nil
}
