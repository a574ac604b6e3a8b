package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"rollcall/account"
	"rollcall/identity"
	"rollcall/internal/atomicfile"
	"rollcall/names"
	"rollcall/nat/portmap"
	"rollcall/presence"
	"rollcall/store"
)

// Files of the data directory.
const (
	cacheFile   = "cache.db"
	nodesDir    = "nodes"
	accountsDir = "accounts"
	orderFile   = "order" // in accountsDir: ids, one a line
	stateFile   = "state.db"
	newPrefix   = ".new-"     // of the directory of an account that is being created
	gonePrefix  = ".removed-" // of one that is being removed
)

const (
	// snapshotCheck is how often it is looked whether a daily snapshot is due.
	snapshotCheck = time.Hour
	// snapshotDelay keeps snapshots out of the way of a start.
	snapshotDelay = 30 * time.Second
)

// Daemon runs accounts. Make one with Open.
type Daemon struct {
	cfg   Config
	log   *slog.Logger
	lock  *os.File
	cache *store.Cache
	// stretching is held by who stretches a password: it takes 64 MiB.
	stretching sync.Mutex
	ordering   sync.Mutex // held while the order of accounts is stored
	hub        hub
	names      *names.Client
	ports      *portmap.Mapper
	signers    chan struct{} // see account.Config

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu       sync.Mutex // guards all below
	closed   bool
	accounts map[AccountID]*hosted
	order    []AccountID
	networks map[string]*network
	damaged  []Damaged
}

// Open starts a daemon with the accounts that are kept in its directory. They
// register in the background, unless cfg.Standby is set. An account that cannot be read is left where it
// is, and reported to the log and by [Daemon.Status].
func Open(ctx context.Context, cfg Config) (*Daemon, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d := &Daemon{
		cfg: cfg, log: cfg.Logger, names: names.New(), ports: portmap.New(cfg.Logger),
		accounts: make(map[AccountID]*hosted), networks: make(map[string]*network),
		signers: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
	}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	if err := d.openDirectory(); err != nil {
		return nil, err
	}
	if err := d.loadAccounts(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if !cfg.Standby {
		d.RegisterAll()
	}
	d.wg.Go(d.takeSnapshots)
	d.wg.Go(d.watchNetwork)
	return d, nil
}

func (c *Config) validate() error {
	if c.DataDir == "" {
		return &InvalidError{"DataDir", "", "a directory"}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Lease == 0 {
		c.Lease = presence.DefaultLease
	}
	if c.Dwell == 0 {
		c.Dwell = presence.DefaultDwell
	}
	announcer := presence.AnnouncerConfig{Lease: max(0, c.Lease), AllowShort: c.AllowShortLease}
	if err := announcer.Validate(); err != nil {
		return &InvalidError{"Lease", c.Lease.String(), err.Error()}
	}
	node := c.Node
	node.Bootstrap = c.Bootstrap
	return node.Validate()
}

// openDirectory makes the data directory ours.
func (d *Daemon) openDirectory() error {
	for _, dir := range []string{d.cfg.DataDir, d.path(accountsDir), d.path(nodesDir)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("daemon: %w", err)
		}
	}
	// Without it a client that starts makes one of another name.
	if err := d.makeClientDir(""); err != nil {
		return err
	}
	var err error
	if d.lock, err = lockDirectory(d.cfg.DataDir); err != nil {
		return err
	}
	if d.cache, err = store.OpenCache(d.path(cacheFile)); err != nil {
		d.lock.Close()
		return err
	}
	if damage := d.cache.Damage(); damage != nil {
		d.reportLocked(d.path(cacheFile), damage)
	}
	return nil
}

func (d *Daemon) path(elements ...string) string {
	return filepath.Join(append([]string{d.cfg.DataDir}, elements...)...)
}

// reportLocked notes that something could not be read.
func (d *Daemon) reportLocked(path string, err error) {
	d.log.Error("damaged", "path", path, "err", err)
	d.damaged = append(d.damaged, Damaged{path, err.Error()})
}

// loadAccounts opens the accounts of the directory, and clears away what is left
// of those whose creation or removal was interrupted.
func (d *Daemon) loadAccounts() error {
	entries, err := os.ReadDir(d.path(accountsDir))
	if err != nil {
		return fmt.Errorf("daemon: %w", err)
	}
	var found []AccountID
	for _, entry := range entries {
		name := entry.Name()
		for _, prefix := range []string{newPrefix, gonePrefix} {
			if id, ok := strings.CutPrefix(name, prefix); ok && validID(id) {
				d.erase(d.path(accountsDir, name), AccountID(id))
			}
		}
		if entry.IsDir() && validID(name) {
			found = append(found, AccountID(name))
		}
	}
	place := make(map[AccountID]int)
	for i, id := range d.readOrder() {
		place[id] = i - math.MaxInt // before those without a place
	}
	slices.SortStableFunc(found, func(a, b AccountID) int { return cmp.Compare(place[a], place[b]) })
	for _, id := range found {
		if err := d.makeClientDir(id); err != nil {
			return err
		}
		d.loadAccount(id)
	}
	return nil
}

func (d *Daemon) loadAccount(id AccountID) {
	dir := d.path(accountsDir, string(id))
	h := &hosted{daemon: d, id: id, state: Unregistered}
	keys, err := d.loadKeys(dir)
	if err != nil {
		d.reportLocked(dir, err)
		return
	}
	state, err := store.OpenState(filepath.Join(dir, stateFile))
	if err != nil {
		d.reportLocked(dir, err)
		return
	}
	if damage := state.Damage(); damage != nil {
		d.reportLocked(dir, damage)
	}
	if err := errors.Join(d.makeClientDir(id), h.open(keys, state)); err != nil {
		state.Close()
		d.reportLocked(dir, err)
		return
	}
	d.accounts[id] = h
	d.order = append(d.order, id)
}

// loadKeys reads the keys of an account, and renews certificates that have ended
// where that takes no password.
func (d *Daemon) loadKeys(dir string) (*account.Keys, error) {
	keys, err := account.LoadKeys(dir)
	if !errors.Is(err, identity.ErrUntrusted) && !errors.Is(err, identity.ErrReceipt) {
		return keys, err
	}
	keys, renewErr := account.RenewKeys(dir, identity.Secret{})
	if renewErr != nil {
		return nil, fmt.Errorf("%w; it cannot be renewed: %w: import its archive as a new account", err, renewErr)
	}
	d.log.Info("certificates renewed", "dir", dir)
	return keys, nil
}

func (d *Daemon) readOrder() []AccountID {
	b, err := os.ReadFile(d.path(accountsDir, orderFile))
	if err != nil {
		return nil // the order of the ids is as good
	}
	var order []AccountID
	for _, line := range strings.Fields(string(b)) {
		order = append(order, AccountID(line))
	}
	return order
}

// saveOrder keeps the order over restarts.
func (d *Daemon) saveOrder() error {
	d.ordering.Lock()
	defer d.ordering.Unlock()
	var b []byte
	for _, id := range d.Accounts() {
		b = append(append(b, id...), '\n')
	}
	return atomicfile.Write(d.path(accountsDir, orderFile), b, 0o600)
}

// hosted returns all accounts in order.
func (d *Daemon) hosted() []*hosted {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.hostedLocked()
}

func (d *Daemon) hostedLocked() []*hosted {
	all := make([]*hosted, 0, len(d.order))
	for _, id := range d.order {
		all = append(all, d.accounts[id])
	}
	return all
}

// find returns an account by its id.
func (d *Daemon) find(id AccountID) (*hosted, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if h := d.accounts[id]; h != nil {
		return h, nil
	}
	if d.closed {
		return nil, ErrClosed
	}
	return nil, ErrUnknownAccount
}

// ready returns an account by its id that has its keys.
func (d *Daemon) ready(id AccountID) (*hosted, *account.Account, error) {
	h, err := d.find(id)
	if err != nil {
		return nil, nil, err
	}
	a, err := h.running()
	return h, a, err
}

// takeSnapshots takes the daily snapshots of all accounts.
func (d *Daemon) takeSnapshots() {
	timer := time.NewTimer(snapshotDelay)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			timer.Reset(snapshotCheck)
		case <-d.ctx.Done():
			return
		}
		for _, h := range d.hosted() {
			h.mu.Lock()
			state := h.stored
			h.mu.Unlock()
			if state == nil || d.ctx.Err() != nil {
				continue
			}
			if _, err := state.Snapshot(time.Now()); err != nil {
				d.log.Error("snapshot", "account", h.id, "err", err)
			}
		}
		// What the start took, and the snapshots, is not needed any more.
		debug.FreeOSMemory()
	}
}

// Close takes all accounts off the network and ends the daemon; it waits until
// nothing of it runs.
func (d *Daemon) Close() error {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return nil
	}
	d.closed = true
	d.cancel()
	all := d.hostedLocked()
	d.mu.Unlock()
	d.wg.Wait()
	var errs []error
	for _, h := range all {
		errs = append(errs, h.close())
	}
	d.hub.close()
	d.names.Close()
	d.ports.Close()
	errs = append(errs, d.cache.Close(), d.lock.Close())
	return errors.Join(errs...)
}
