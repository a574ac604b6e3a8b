package ktimer

import (
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// descriptor is a timer of timerfd_create(2). Its functions are made once: a closure per
// call would be an allocation per call.
type descriptor struct {
	file *os.File
	raw  syscall.RawConn

	read  func(fd uintptr) bool
	count uint64 // how often the time has come, which does not matter

	set  func(fd uintptr)
	next unix.ItimerSpec
}

// open returns a timer that is off.
func open(f func()) (*descriptor, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make a timer: %w", err)
	}
	t := &descriptor{file: os.NewFile(uintptr(fd), "timer")}
	if t.raw, err = t.file.SyscallConn(); err != nil {
		t.file.Close()
		return nil, fmt.Errorf("make a timer: %w", err)
	}
	// Neither call ever waits, so the scheduler is not told of them: its monitor would get
	// up to watch.
	t.read = func(fd uintptr) bool {
		_, _, errno := unix.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&t.count)), unsafe.Sizeof(t.count))
		return errno == 0
	}
	t.set = func(fd uintptr) {
		_, _, _ = unix.RawSyscall6(unix.SYS_TIMERFD_SETTIME, fd, 0, uintptr(unsafe.Pointer(&t.next)), 0, 0, 0)
	}
	go t.run(f)
	return t, nil
}

// run calls f whenever the time has come, until the timer is stopped.
func (t *descriptor) run(f func()) {
	for t.raw.Read(t.read) == nil {
		f()
	}
}

func (t *descriptor) Reset(d time.Duration) bool {
	t.next.Value = unix.NsecToTimespec(max(1, d.Nanoseconds())) // 0 would be never
	return t.raw.Control(t.set) == nil
}

func (t *descriptor) Stop() bool { return t.file.Close() == nil }
