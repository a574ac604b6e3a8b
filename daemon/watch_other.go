//go:build !linux

package daemon

import (
	"context"
	"errors"
)

// watchAddrs would tell of changes of the addresses of this machine.
func (d *Daemon) watchAddrs(context.Context) (<-chan struct{}, error) {
	return nil, errors.ErrUnsupported
}
