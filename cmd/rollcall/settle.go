package main

import (
	"context"
	"log/slog"
	"runtime"
	"runtime/debug"
	"time"
)

// largeHeap, in bytes, is where collecting garbage costs more than memory is worth.
const largeHeap = 256 << 20

// settle gives back what only the start has needed once that is some time ago: free
// memory, and the pages of the program, of which it runs through most. Only from then
// on garbage is collected more often than in other programs, as that would delay the
// start: it costs little while there is little, and keeps the process small.
func settle(ctx context.Context, log *slog.Logger, after ...time.Duration) {
	start := time.Now()
	for _, d := range after {
		select {
		case <-time.After(time.Until(start.Add(d))):
		case <-ctx.Done():
			return
		}
		debug.FreeOSMemory()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		percent := 50
		if m.HeapAlloc >= largeHeap {
			percent = 100
		}
		debug.SetGCPercent(percent)
		if err := dropProgramPages(); err != nil {
			log.Debug("pages of the program kept", "err", err)
		}
	}
}
