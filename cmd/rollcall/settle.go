package main

import (
	"context"
	"log/slog"
	"runtime/debug"
	"time"
)

// gcPercent makes the programs that stay collect garbage more often than others:
// most of what they hold has no pointers in it, so that this costs little and keeps
// the process small.
const gcPercent = 50

// settle gives back what only the start has needed once that is some time ago: free
// memory, and the pages of the program, of which it runs through most. Only from then
// on gcPercent holds, as collecting garbage would delay the start.
func settle(ctx context.Context, log *slog.Logger, after ...time.Duration) {
	start := time.Now()
	for _, d := range after {
		select {
		case <-time.After(time.Until(start.Add(d))):
		case <-ctx.Done():
			return
		}
		debug.SetGCPercent(gcPercent)
		debug.FreeOSMemory()
		if err := dropProgramPages(); err != nil {
			log.Debug("pages of the program kept", "err", err)
		}
	}
}
