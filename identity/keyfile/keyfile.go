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
)

// The files of a device in its directory (account spec 9).
const (
	DeviceChain = "ring_device.crt"
	DeviceKey   = "ring_device.key"
)

// Write makes data the content of the file at path, with mode 0600. After a
// crash at any moment the file has its old content or the new one; when Write
// returns nil it is the new one, on the disk. The directory must exist.
func Write(path string, data []byte) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("cannot write %s: %w", path, err)
		}
	}()
	dir := filepath.Dir(path)
	// CreateTemp makes the file with mode 0600.
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(dir)
}

// syncDir makes a rename in dir last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

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
