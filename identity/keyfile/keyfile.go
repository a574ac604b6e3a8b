// Package keyfile keeps private files: a device's key and certificates, and
// account archives. A file is replaced whole or not at all, and only its owner
// may read it.
package keyfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"rollcall/identity"
	"rollcall/internal/atomicfile"
)

// The files of a device in its directory (account spec 9).
const (
	DeviceChain = "ring_device.crt"
	DeviceKey   = "ring_device.key"
)

// Write makes data the content of the file at path, with mode 0600. After a
// crash at any moment the file has its old content or the new one; when Write
// returns nil it is the new one, on the disk. The directory must exist.
func Write(path string, data []byte) error { return atomicfile.Write(path, data, 0o600) }

// Read returns the content of the file at path, of at most limit bytes.
func Read(path string, limit int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, err)
	}
	if len(data) > limit {
		return nil, fmt.Errorf("cannot read %s: over %d bytes", path, limit)
	}
	return data, nil
}

// maxDeviceFile bounds the files of a device; real ones have 6 kB.
const maxDeviceFile = 128 << 10

// ReadDevice reads the device whose files are in dir. Its chain is not verified.
func ReadDevice(dir string) (*identity.Device, error) {
	chainPEM, err := Read(filepath.Join(dir, DeviceChain), maxDeviceFile)
	if err != nil {
		return nil, err
	}
	keyPEM, err := Read(filepath.Join(dir, DeviceKey), maxDeviceFile)
	if err != nil {
		return nil, err
	}
	chain, err := identity.ParseChain(chainPEM)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, DeviceChain), err)
	}
	key, err := identity.ParseKey(keyPEM)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, DeviceKey), err)
	}
	d, err := identity.NewDevice(chain, key)
	if err != nil {
		return nil, fmt.Errorf("device files in %s: %w", dir, err)
	}
	return d, nil
}

// WriteDevice writes the files of d into dir, which must exist. The key comes
// first: a chain without its key would be of no use.
func WriteDevice(dir string, d *identity.Device) error {
	key, err := d.MarshalPEM()
	if err != nil {
		return err
	}
	if err := Write(filepath.Join(dir, DeviceKey), key); err != nil {
		return err
	}
	return Write(filepath.Join(dir, DeviceChain), d.Chain().AppendPEM(nil))
}
