package server

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// PinSelf moves every thread of this process to core.
func PinSelf(core int) error {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("list own threads: %w", err)
	}
	for _, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		if err != nil {
			return fmt.Errorf("thread id: %w", err)
		}
		if err := pin(tid, core); err != nil {
			return err
		}
	}
	return nil
}

// onCore runs start on a thread that is bound to core, so that the process which
// it starts inherits the binding from its first instruction on.
func onCore(core int, start func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return fmt.Errorf("read affinity: %w", err)
	}
	if err := pin(0, core); err != nil {
		return err
	}
	err := start()
	if restoreErr := unix.SchedSetaffinity(0, &before); err == nil && restoreErr != nil {
		err = fmt.Errorf("restore affinity: %w", restoreErr)
	}
	return err
}

func pin(tid, core int) error {
	var set unix.CPUSet
	set.Set(core)
	if err := unix.SchedSetaffinity(tid, &set); err != nil {
		return fmt.Errorf("bind to core %d: %w", core, err)
	}
	return nil
}

// processClock returns the id of the CPU clock of a process, which counts the
// nanoseconds of all its threads, living and dead (clock_getcpuclockid(3)).
func processClock(pid int) int32 { return int32(^pid<<3 | 2) }

// CPU returns the processor time that process pid has used so far; pid 0 is the
// caller.
func CPU(pid int) (time.Duration, error) {
	clock := int32(unix.CLOCK_PROCESS_CPUTIME_ID)
	if pid != 0 {
		clock = processClock(pid)
	}
	var ts unix.Timespec
	if err := unix.ClockGettime(clock, &ts); err != nil {
		return 0, fmt.Errorf("CPU clock of process %d: %w", pid, err)
	}
	return time.Duration(ts.Nano()), nil
}
