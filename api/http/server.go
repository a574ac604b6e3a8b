package http

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	nethttp "net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/net/netutil"

	"rollcall/api/http/endpoint"
	"rollcall/daemon"
)

// Config says where to serve.
type Config struct {
	// DataDir is that of the daemon. There is always a socket in it, by which the
	// user's commands find the daemon; the token of a loopback port is kept there.
	DataDir string
	// Address is where to serve besides, as in endpoint.Parse; "" means nowhere.
	Address string
	// Logger receives what goes wrong; nil discards it.
	Logger *slog.Logger
}

// Server is the API of one daemon. Make one with Listen.
type Server struct {
	doors  []door
	events *history
	daemon *daemon.Daemon
	log    *slog.Logger
}

// door is one of the endpoints of a server.
type door struct {
	at       endpoint.Endpoint
	listener net.Listener
	guard    *guard
}

// Listen opens the endpoints of d. Serve must follow, it ends what Listen began.
func Listen(cfg Config, d *daemon.Daemon) (*Server, error) {
	s := &Server{events: newHistory(), daemon: d, log: cfg.Logger}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	routes, err := newRoutes(d, s.events)
	if err != nil {
		return nil, err
	}
	addresses := []string{""}
	if cfg.Address != "" {
		addresses = append(addresses, cfg.Address)
	}
	for _, address := range addresses {
		door, err := open(address, cfg.DataDir, routes)
		if err != nil {
			for _, opened := range s.doors {
				opened.listener.Close()
			}
			return nil, err
		}
		s.doors = append(s.doors, door)
	}
	return s, nil
}

func open(address, dataDir string, routes nethttp.Handler) (door, error) {
	at, err := endpoint.Parse(address, dataDir)
	if err != nil {
		return door{}, err
	}
	token := ""
	if at.Network == "tcp" {
		if token, err = at.MakeToken(); err != nil {
			return door{}, err
		}
	}
	listener, err := listen(at)
	if err != nil {
		return door{}, err
	}
	if at.Network == "tcp" {
		at.Address = listener.Addr().String()
	}
	return door{at, netutil.LimitListener(listener, maxConns), newGuard(at, token, routes)}, nil
}

// Endpoint returns where the API is: what was asked for, with the port that was
// chosen if any would do, else the socket.
func (s *Server) Endpoint() endpoint.Endpoint { return s.doors[len(s.doors)-1].at }

// Serve answers requests until the end of ctx, which is no error, and then waits
// for those under way.
func (s *Server) Serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	recorded := make(chan struct{})
	go func() {
		defer close(recorded)
		s.events.record(ctx, func() subscription { return s.daemon.Subscribe() })
	}()
	defer func() { cancel(); <-recorded }()

	// The first door that cannot be served closes the others.
	ended := make(chan error, len(s.doors))
	for _, door := range s.doors {
		go func() { defer cancel(); ended <- s.serve(ctx, door) }()
	}
	var errs []error
	for range s.doors {
		errs = append(errs, <-ended)
	}
	return errors.Join(errs...)
}

// serve answers requests that come in by one door.
func (s *Server) serve(ctx context.Context, door door) error {
	server := &nethttp.Server{
		Handler:           door.guard,
		ReadHeaderTimeout: headerTimeout,
		WriteTimeout:      bodyTimeout + operationTimeout + flushTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(door.listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("http: %w", err)
	case <-ctx.Done():
	}
	limited, done := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer done()
	if err := server.Shutdown(limited); err != nil {
		return server.Close()
	}
	return nil
}

// listen opens the socket of an endpoint. Nobody but the user may open a Unix
// socket, at no moment: it is made in a directory that is closed to others.
func listen(at endpoint.Endpoint) (net.Listener, error) {
	if at.Network == "tcp" {
		listener, err := net.Listen(at.Network, at.Address)
		if err != nil {
			return nil, fmt.Errorf("http: %w", err)
		}
		return listener, nil
	}
	dir := filepath.Dir(at.Address)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("http: directory of the socket: %w", err)
	}
	if err := removeStale(at); err != nil {
		return nil, err
	}
	// A socket that is renamed into place keeps its mode and is never open to
	// others, whatever the umask and the directory are.
	private, err := os.MkdirTemp(dir, ".http-")
	if err != nil {
		return nil, fmt.Errorf("http: directory of the socket: %w", err)
	}
	defer os.RemoveAll(private)
	hidden := filepath.Join(private, "s")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: hidden, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("http: %w", err)
	}
	listener.SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(hidden, 0o600), os.Rename(hidden, at.Address)); err != nil {
		listener.Close()
		return nil, fmt.Errorf("http: %w", err)
	}
	return unlinking{listener, at.Address}, nil
}

// removeStale removes a socket that a daemon left when it was killed.
func removeStale(at endpoint.Endpoint) error {
	info, err := os.Lstat(at.Address)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("http: %w", err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("http: %s is there and no socket: remove it, or choose another", at.Address)
	}
	conn, err := net.DialTimeout("unix", at.Address, time.Second)
	if err == nil {
		conn.Close()
		return fmt.Errorf("http: a daemon is answering at %s already", at.Address)
	}
	if err := os.Remove(at.Address); err != nil {
		return fmt.Errorf("http: %w", err)
	}
	return nil
}

// unlinking removes the name of its socket when it is closed.
type unlinking struct {
	net.Listener
	path string
}

func (u unlinking) Close() error {
	err := u.Listener.Close()
	if removed := os.Remove(u.path); !errors.Is(removed, fs.ErrNotExist) {
		err = errors.Join(err, removed)
	}
	return err
}
