package peers

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"rollcall/test/netns"
)

// busConfig is a bus on which everybody may do everything, without services
// to activate.
const busConfig = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>%s</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`

// startBus starts a message bus of its own and returns its address. Its socket
// is a file, which every network namespace reaches.
func startBus(t testing.TB, host *netns.Host) string {
	t.Helper()
	program := needProgram(t, "D-Bus", "dbus-daemon", "dbus-daemon")
	// The name of a socket is short of space: no t.TempDir.
	dir, err := os.MkdirTemp("", "bus")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "socket")
	address := "unix:path=" + socket
	config := filepath.Join(dir, "bus.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, busConfig, address), 0o600); err != nil {
		t.Fatal(err)
	}
	bus := startProcess(t, host, "dbus-daemon", exec.Command(program, "--nofork", "--config-file="+config))

	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	err = Eventually(ctx, func() (bool, error) {
		// The file is there before anybody listens at it.
		conn, err := net.Dial("unix", socket)
		if err == nil {
			conn.Close()
		}
		if ended := bus.alive(); ended != nil {
			err = ended
		}
		return err == nil, err
	})
	if err != nil {
		t.Fatalf("dbus-daemon does not start: %v", err)
	}
	return address
}
