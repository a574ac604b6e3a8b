package main

import (
	"context"
	"log/slog"
	"runtime/debug"
	"time"
)

// settle gives back what only the start has needed once that is some time ago: free
// memory, and the pages of the program, of which it runs through most.
func settle(ctx context.Context, log *slog.Logger, after ...time.Duration) {
	start := time.Now()
	for _, d := range after {
		select {
		case <-time.After(time.Until(start.Add(d))):
		case <-ctx.Done():
			return
		}
		debug.FreeOSMemory()
		if err := dropProgramPages(); err != nil {
			log.Debug("pages of the program kept", "err", err)
		}
	}
}
