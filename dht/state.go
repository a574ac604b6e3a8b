package dht

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"rollcall/dht/internal/wire"
	"rollcall/internal/atomicfile"
)

// maxStateFile bounds the state file that is read: 64 MiB of values and the
// nodes of a full table take less.
const maxStateFile = 128 << 20

// readState reads a state file; without one the state is empty. A file that
// cannot be read as one is an error rather than overwritten later.
func readState(path string) (*wire.State, error) {
	if path == "" {
		return new(wire.State), nil
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return new(wire.State), nil
	}
	if err != nil {
		return nil, fmt.Errorf("dht: state file: %w", err)
	}
	if info.Size() > maxStateFile {
		return nil, fmt.Errorf("dht: state file %s has %d bytes, over the limit of %d: move it away", path, info.Size(), maxStateFile)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("dht: state file: %w", err)
	}
	state, err := wire.ParseState(b)
	if err != nil {
		return nil, fmt.Errorf("dht: %s is no state file, move it away: %w", path, err)
	}
	return state, nil
}

const (
	// saveEvery is the time between two saves of the known nodes while the node
	// runs: after a crash it finds the network again without a bootstrap node.
	saveEvery = 10 * time.Minute
	// firstSave is when it does so after the start.
	firstSave = 5 * time.Second
)

// saveNodes writes the known nodes to the state file every now and then. Values
// are saved at the end only: they are many, and other nodes have them too.
func (n *Node) saveNodes() {
	again := make(chan struct{}, 1)
	timer := n.clock.AfterFunc(firstSave, func() { again <- struct{}{} })
	defer timer.Stop()
	for {
		select {
		case <-again:
		case <-n.ctx.Done():
			return
		}
		var state *wire.State
		n.do(func(now time.Time) { state = n.engine.ExportNodes(now) })
		if state != nil && len(state.Nodes) > 0 {
			n.save(state)
		}
		timer.Reset(saveEvery)
	}
}

func (n *Node) save(state *wire.State) {
	if err := writeState(n.cfg.StateFile, state); err != nil {
		n.log.Warn("state not saved", "err", err)
	}
}

// writeState replaces a state file.
func writeState(path string, state *wire.State) error {
	if path == "" {
		return nil
	}
	if err := atomicfile.Write(path, state.Append(nil), 0o600); err != nil {
		return fmt.Errorf("dht: state file: %w", err)
	}
	return nil
}
