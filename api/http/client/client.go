// Package client talks to the HTTP API of a daemon.
//
//	c, err := client.New(at)
//	…
//	accounts, err := c.Accounts(ctx)
//
// What the API refuses is a *schema.Problem. Where no daemon answers at all, the
// error satisfies errors.Is with ErrNoDaemon.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"

	"rollcall/api/http/endpoint"
	"rollcall/api/http/schema"
)

// ErrNoDaemon reports that nobody listens where the API should be.
var ErrNoDaemon = errors.New("no daemon answers")

// maxAnswer bounds what is read of one answer: a list of the most contacts that
// there can be.
const maxAnswer = 512 << 20

// maxProblem bounds what is read of an error.
const maxProblem = 64 << 10

// Client uses one API. It is safe for concurrent use.
type Client struct {
	at    endpoint.Endpoint
	token string
	base  string
	http  http.Client
}

// New returns a client of the API at an endpoint. It reads the token, if one is
// needed, and connects to nothing yet.
func New(at endpoint.Endpoint) (*Client, error) {
	token, err := at.Token()
	if err != nil {
		return nil, err
	}
	c := &Client{at: at, token: token, base: "http://" + at.Address}
	if at.Network == "unix" {
		c.base = "http://rollcall"
	}
	c.http.Transport = &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var dialer net.Dialer
			conn, err := dialer.DialContext(ctx, at.Network, at.Address)
			var refused *net.OpError
			if errors.As(err, &refused) {
				err = refused.Err // the rest is said already
			}
			if err != nil {
				return nil, fmt.Errorf("%w at %v: %w", ErrNoDaemon, at, err)
			}
			return conn, nil
		},
	}
	return c, nil
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// get reads what is at a path into a value of type T.
func get[T any](ctx context.Context, c *Client, path string, query url.Values) (T, error) {
	return call[T](ctx, c, http.MethodGet, path, query, nil)
}

// call performs an operation with an optional JSON body and reads its answer.
func call[T any](ctx context.Context, c *Client, method, path string, query url.Values, body any) (out T, err error) {
	answer, err := c.do(ctx, method, path, query, body)
	if err != nil {
		return out, err
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxAnswer)).Decode(&out); err != nil {
		return out, fmt.Errorf("answer of the daemon at %v: %w", c.at, err)
	}
	return out, nil
}

// perform is call for operations without an answer.
func (c *Client) perform(ctx context.Context, method, path string, query url.Values, body any) error {
	answer, err := c.do(ctx, method, path, query, body)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

// do sends a request and returns the answer if it is a success. The caller closes
// its body.
func (c *Client) do(ctx context.Context, method, path string, query url.Values, body any) (*http.Response, error) {
	var content io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.base+path+"?"+query.Encode(), content)
	if err != nil {
		return nil, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return c.send(r)
}

func (c *Client) send(r *http.Request) (*http.Response, error) {
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		// The URL of a socket means nothing to anybody.
		var inUse *url.Error
		if errors.As(err, &inUse) {
			err = inUse.Err
		}
		return nil, err
	}
	if answer.StatusCode < 300 {
		return answer, nil
	}
	defer answer.Body.Close()
	return nil, readProblem(answer)
}

func readProblem(answer *http.Response) error {
	problem := &schema.Problem{}
	err := json.NewDecoder(io.LimitReader(answer.Body, maxProblem)).Decode(problem)
	if err != nil || problem.Detail == "" && len(problem.Errors) == 0 {
		problem.Detail = answer.Status
	}
	problem.Status = answer.StatusCode
	return problem
}
