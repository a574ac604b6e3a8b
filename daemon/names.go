package daemon

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

	"rollcall/dht/infohash"
)

// RegisteredName is a name with the account that has it.
type RegisteredName struct {
	Name    string
	Address infohash.Hash
}

// Limits of name lookups.
const (
	nameTimeout  = 5 * time.Second
	nameLife     = 10 * time.Minute // of an answer
	maxNames     = 4096             // answers kept
	maxNameReply = 16 << 10
)

var possibleName = regexp.MustCompile(`^[A-Za-z0-9_-]{3,32}$`)

// LookupName asks a name server who has a name. server "" means that of the
// account, and an id "" that of new accounts. The error is [ErrNoNameServer] when
// there is none, [ErrBadName] when no account can have the name, [ErrNoName] when
// none has it, else that of the connection. It takes at most a few seconds.
func (d *Daemon) LookupName(ctx context.Context, id AccountID, server, name string) (RegisteredName, error) {
	server, err := d.nameServer(id, server)
	if err != nil {
		return RegisteredName{}, err
	}
	if !possibleName.MatchString(name) {
		return RegisteredName{}, ErrBadName
	}
	return d.names.ask(ctx, server+"/name/"+url.PathEscape(strings.ToLower(name)))
}

// LookupAddress asks it which name an account has.
func (d *Daemon) LookupAddress(ctx context.Context, id AccountID, server string, address infohash.Hash) (RegisteredName, error) {
	server, err := d.nameServer(id, server)
	if err != nil {
		return RegisteredName{}, err
	}
	found, err := d.names.ask(ctx, server+"/addr/0x"+address.String())
	found.Address = address
	return found, err
}

func (d *Daemon) nameServer(id AccountID, server string) (string, error) {
	if id != "" {
		details, err := d.Details(id)
		if err != nil {
			return "", err
		}
		if server == "" {
			server = details[keyNameServer]
		}
	}
	if server == "" {
		return "", ErrNoNameServer
	}
	if !strings.Contains(server, "://") {
		server = "https://" + server
	}
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", &InvalidError{keyNameServer, server, "a host name, or a URL with http or https"}
	}
	return strings.TrimSuffix(server, "/"), nil
}

// names remembers the answers of name servers. The zero value is ready for use.
type names struct {
	mu      sync.Mutex
	answers map[string]nameAnswer // by URL
}

type nameAnswer struct {
	name  RegisteredName
	err   error // ErrNoName or nil
	until time.Time
}

func (n *names) ask(ctx context.Context, address string) (RegisteredName, error) {
	n.mu.Lock()
	answer, ok := n.answers[address]
	n.mu.Unlock()
	if ok && time.Now().Before(answer.until) {
		return answer.name, answer.err
	}
	name, err := askNameServer(ctx, address)
	if err == nil || errors.Is(err, ErrNoName) {
		n.keep(address, nameAnswer{name, err, time.Now().Add(nameLife)})
	}
	return name, err
}

func (n *names) keep(address string, answer nameAnswer) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.answers) >= maxNames || n.answers == nil {
		n.answers = make(map[string]nameAnswer)
	}
	n.answers[address] = answer
}

func askNameServer(ctx context.Context, address string) (RegisteredName, error) {
	ctx, cancel := context.WithTimeout(ctx, nameTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return RegisteredName{}, fmt.Errorf("name server: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return RegisteredName{}, fmt.Errorf("name server: %w", err)
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return RegisteredName{}, ErrNoName
	case http.StatusBadRequest:
		return RegisteredName{}, ErrBadName
	default:
		return RegisteredName{}, fmt.Errorf("name server: answered %s", response.Status)
	}
	return parseName(io.LimitReader(response.Body, maxNameReply))
}

func parseName(r io.Reader) (RegisteredName, error) {
	var reply struct{ Name, Addr string }
	if err := json.NewDecoder(r).Decode(&reply); err != nil {
		return RegisteredName{}, fmt.Errorf("name server: %w", err)
	}
	result := RegisteredName{Name: reply.Name}
	if reply.Addr == "" {
		if !possibleName.MatchString(reply.Name) {
			return RegisteredName{}, fmt.Errorf("name server: answered the name %.40q", reply.Name)
		}
		return result, nil
	}
	var err error
	if result.Address, err = infohash.Parse(strings.TrimPrefix(reply.Addr, "0x")); err != nil {
		return RegisteredName{}, fmt.Errorf("name server: %w", err)
	}
	return result, nil
}
