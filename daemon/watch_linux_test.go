package daemon

import (
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rollcall/test/leftout"
)

// TestAddressesAreToldOf gives the loopback interface of a network namespace of its own
// its address.
func TestAddressesAreToldOf(t *testing.T) {
	runtime.LockOSThread() // and not unlocked: the thread ends with the test
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		leftout.Test(t, "network namespaces", err.Error())
	}
	d := &Daemon{}
	t.Cleanup(d.wg.Wait)
	news, err := d.watchAddrs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	request.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request); err != nil {
		t.Fatal(err)
	}
	select {
	case <-news:
	case <-time.After(time.Minute):
		t.Error("nobody tells of an address that has come")
	}
}
