package server

import (
	"context"
	"fmt"
	"time"
)

// Pause leaves the programs alone for d. It fails when ctx ends before.
func Pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return fmt.Errorf("stopped: %w", ctx.Err())
	case <-time.After(d):
		return nil
	}
}
