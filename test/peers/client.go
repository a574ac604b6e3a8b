package peers

import (
	"context"
	"encoding/binary"
	"fmt"
	"image/color"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Client is Jami's desktop client of Debian 12 on a screen that nobody sees. It
// tells of its window on the daemon's bus, to whom serves there as the bus of
// accessibility (AT-SPI).
type Client struct {
	*Process
	display string
	frame   string // the file in which the screen is, in XWD format
}

const (
	screen       = "1280x800x24"
	displayGroup = "desktop client"
)

// StartClient starts the desktop client on the daemon's bus, host and home
// directory.
func (d *Daemon) StartClient(t testing.TB) *Client {
	t.Helper()
	program := needProgram(t, displayGroup, "jami", "jami")
	server := needProgram(t, displayGroup, "Xvfb", "xvfb")
	needProgram(t, displayGroup, "xdotool", "xdotool")

	dir := t.TempDir()
	c := &Client{frame: filepath.Join(dir, "Xvfb_screen0")}
	c.display = startScreen(t, d, exec.Command(server, "-displayfd", "3", "-screen", "0", screen, "-fbdir", dir, "-nolisten", "tcp", "-extension", "MIT-SHM"))

	cmd := exec.Command(program)
	cmd.Dir = d.Home
	// Clients know of each other by the directory of temporary files and by memory
	// that they share, which outlives one that is killed: then the second one leaves.
	// Thus each has shared memory of its own, and none with its screen.
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWIPC}
	cmd.Env = append(environment(d.Home, d.Address),
		"TMPDIR="+d.Home, "DISPLAY="+c.display, "QT_QPA_PLATFORM=xcb", "QT_QUICK_BACKEND=software", "LIBGL_ALWAYS_SOFTWARE=1",
		"QT_LINUX_ACCESSIBILITY_ALWAYS_ON=1")
	c.Process = startProcess(t, d.host, "jami", cmd)
	return c
}

// startScreen starts an X server, which chooses its display and says so.
func startScreen(t testing.TB, d *Daemon, server *exec.Cmd) string {
	t.Helper()
	number, chosen, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer number.Close()
	server.ExtraFiles = []*os.File{chosen}
	startProcess(t, d.host, "Xvfb", server)
	chosen.Close()
	var display int
	if _, err := fmt.Fscanln(number, &display); err != nil {
		t.Fatalf("Xvfb does not start: %v", err)
	}
	return fmt.Sprintf(":%d", display)
}

// Do plays mouse and keyboard: words are the commands of xdotool.
func (c *Client) Do(ctx context.Context, words string) error {
	if err := c.alive(); err != nil {
		return fmt.Errorf("%s: %w", c.Name, err)
	}
	cmd := exec.CommandContext(ctx, "xdotool", strings.Fields(words)...)
	cmd.Env = append(os.Environ(), "DISPLAY="+c.display)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("xdotool %s: %w: %s", words, err, out)
	}
	return nil
}

// Pixel returns the colour of the screen at a point.
func (c *Client) Pixel(x, y int) (color.RGBA, error) {
	xwd, err := os.ReadFile(c.frame)
	if err != nil {
		return color.RGBA{}, err
	}
	// The fields of the header are big endian: its own size, ..., the bytes of a
	// line, ..., the entries of the colour map, which is before the pixels.
	const sizeAt, lineAt, coloursAt, headerSize, colourSize = 0, 12 * 4, 19 * 4, 100, 12
	if len(xwd) < headerSize {
		return color.RGBA{}, fmt.Errorf("%s: no header", c.frame)
	}
	field := func(at int) int { return int(binary.BigEndian.Uint32(xwd[at:])) }
	at := field(sizeAt) + field(coloursAt)*colourSize + y*field(lineAt) + x*4
	if at < 0 || at+4 > len(xwd) {
		return color.RGBA{}, fmt.Errorf("%s: no pixel at %d, %d", c.frame, x, y)
	}
	pixel := xwd[at:]
	return color.RGBA{pixel[2], pixel[1], pixel[0], 0xff}, nil
}
