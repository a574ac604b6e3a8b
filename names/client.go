package names

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"rollcall/dht/infohash"
)

// Errors that tell why there is no answer; others are those of the connection.
var (
	ErrNoServer  = errors.New("names: no name server is set")
	ErrBadServer = errors.New("names: not a name server: want a host, or an http or https URL")
	ErrBadName   = errors.New("names: not a possible name: want 3 to 32 letters, digits, - or _")
	ErrNotFound  = errors.New("names: nobody has the name, or the account has none")
	ErrServer    = errors.New("names: the name server does not answer as it should")
)

// Entry is a name with the account that has it.
type Entry struct {
	Name    string
	Address infohash.Hash
}

// Client asks name servers. It remembers answers, and which servers do not
// answer. It is safe for concurrent use.
type Client struct {
	http    http.Client
	asking  chan struct{} // holds a token for every running request
	answers *lru.Cache[string, answer]

	mu     sync.Mutex
	failed map[string]failure // by server
}

// answer is what a server said, for a while.
type answer struct {
	entry Entry
	err   error // nil or ErrNotFound
	until time.Time
}

type failure struct {
	err   error
	until time.Time
}

// New returns a Client.
func New() *Client {
	// The only error of the cache is a size that is not positive.
	answers, _ := lru.New[string, answer](maxCached)
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = maxAsking
	return &Client{
		http:    http.Client{Transport: transport},
		asking:  make(chan struct{}, maxAsking),
		answers: answers,
		failed:  make(map[string]failure),
	}
}

// Close closes idle connections to servers.
func (c *Client) Close() { c.http.CloseIdleConnections() }

var possibleName = regexp.MustCompile(`^[a-z0-9_-]{3,32}$`)

// Lookup asks a server who has a name, in whatever case. server is a host or a
// URL. An answer takes at most 5 seconds, after those that are asked for already,
// and no time while the server is known not to answer.
func (c *Client) Lookup(ctx context.Context, server, name string) (Entry, error) {
	name = strings.ToLower(name)
	if !possibleName.MatchString(name) {
		return Entry{}, ErrBadName
	}
	return c.lookup(ctx, server, "/name/"+name, func(body reply) (Entry, error) {
		if body.Addr == "" {
			return Entry{}, ErrNotFound
		}
		address, err := infohash.Parse(strings.TrimPrefix(body.Addr, "0x"))
		if err != nil || address.IsZero() {
			return Entry{}, fmt.Errorf("%w: the account %.50q of %q is none", ErrServer, body.Addr, name)
		}
		return Entry{name, address}, nil
	})
}

// LookupAddress asks a server which name an account has, under the same
// conditions as Lookup.
func (c *Client) LookupAddress(ctx context.Context, server string, address infohash.Hash) (Entry, error) {
	return c.lookup(ctx, server, "/addr/"+address.String(), func(body reply) (Entry, error) {
		if body.Name == "" {
			return Entry{}, ErrNotFound
		}
		name := strings.ToLower(body.Name)
		if !possibleName.MatchString(name) {
			return Entry{}, fmt.Errorf("%w: the name %.50q is none", ErrServer, body.Name)
		}
		return Entry{name, address}, nil
	})
}

// reply is the answer of a server.
type reply struct {
	Name string `json:"name"`
	Addr string `json:"addr"`
}

func (c *Client) lookup(ctx context.Context, server, path string, read func(reply) (Entry, error)) (Entry, error) {
	server, err := parseServer(server)
	if err != nil {
		return Entry{}, err
	}
	key := server + path
	if known, ok := c.answers.Get(key); ok && time.Now().Before(known.until) {
		return known.entry, known.err
	}
	select {
	case c.asking <- struct{}{}:
		defer func() { <-c.asking }()
	case <-ctx.Done():
		return Entry{}, fmt.Errorf("names: %s: %w", server, ctx.Err())
	}
	if err := c.failure(server); err != nil {
		return Entry{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	body, err := c.get(ctx, key)
	var entry Entry
	if err == nil {
		entry, err = read(body)
	}
	switch {
	case err == nil:
		c.answers.Add(key, answer{entry, nil, time.Now().Add(foundLife)})
	case errors.Is(err, ErrNotFound):
		c.answers.Add(key, answer{Entry{}, err, time.Now().Add(missingLife)})
	case !errors.Is(err, ErrBadName) && !errors.Is(err, context.Canceled):
		c.fail(server, err)
	}
	return entry, err
}

// CheckServer returns [ErrNoServer] or [ErrBadServer] for what cannot be a name server.
func CheckServer(server string) error {
	_, err := parseServer(server)
	return err
}

// parseServer returns the URL of a server, without a slash at its end.
func parseServer(server string) (string, error) {
	server = strings.TrimSpace(server)
	if server == "" {
		return "", ErrNoServer
	}
	if !strings.Contains(server, "://") {
		server = "https://" + server
	}
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", fmt.Errorf("%w, got %.100q", ErrBadServer, server)
	}
	return strings.TrimRight(server, "/"), nil
}

// get asks a server. The error is ErrBadName or ErrNotFound when that is its answer.
func (c *Client) get(ctx context.Context, where string) (reply, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, where, nil)
	if err != nil {
		return reply{}, fmt.Errorf("names: %w", err)
	}
	request.Header.Set("Accept", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return reply{}, fmt.Errorf("names: %w", err)
	}
	defer response.Body.Close()
	switch status := response.StatusCode; {
	case status == http.StatusBadRequest:
		return reply{}, ErrBadName
	case status == http.StatusTooManyRequests:
		return reply{}, fmt.Errorf("%w: %s", ErrServer, response.Status)
	case status > 400 && status < 500:
		return reply{}, ErrNotFound
	case status < 200 || status > 299:
		return reply{}, fmt.Errorf("%w: %s", ErrServer, response.Status)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	if err != nil {
		return reply{}, fmt.Errorf("names: reading the answer: %w", err)
	}
	if len(text) > maxBody {
		return reply{}, fmt.Errorf("%w: more than %d bytes", ErrServer, maxBody)
	}
	var body reply
	if err := json.Unmarshal(text, &body); err != nil {
		return reply{}, fmt.Errorf("%w: %w", ErrServer, err)
	}
	return body, nil
}

// failure returns why a server is not asked now, or nil.
func (c *Client) failure(server string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	f, ok := c.failed[server]
	if !ok {
		return nil
	}
	if time.Now().After(f.until) {
		delete(c.failed, server)
		return nil
	}
	return f.err
}

func (c *Client) fail(server string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.failed) >= maxServers {
		clear(c.failed)
	}
	c.failed[server] = failure{err, time.Now().Add(retryAfter)}
}
