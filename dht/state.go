package dht

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

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
