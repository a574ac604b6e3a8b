//go:build !linux

package ktimer

import (
	"errors"
	"time"
)

// open would return a timer of the kernel.
func open(func()) (*time.Timer, error) { return nil, errors.ErrUnsupported }
