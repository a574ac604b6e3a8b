package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// dropProgramPages takes the pages of the program's code and constants out of this
// process. Those that it goes on using come back from the page cache.
func dropProgramPages() error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	maps, err := os.Open("/proc/self/smaps") // proc(5)
	if err != nil {
		return err
	}
	defer maps.Close()
	var start, end uintptr // of the program's mapping that is being read, if it is read-only
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		line := strings.TrimSuffix(lines.Text(), " (deleted)")
		fields := strings.Fields(line)
		switch {
		case len(fields) < 2:
		case !strings.HasSuffix(fields[0], ":"): // the head of a mapping
			start, end = 0, 0
			if strings.HasSuffix(line, " "+program) && !strings.Contains(fields[1], "w") {
				if _, err := fmt.Sscanf(fields[0], "%x-%x", &start, &end); err != nil {
					return err
				}
			}
		case fields[0] == "Anonymous:" && fields[1] == "0" && end > start: // never written to
			if _, _, errno := unix.Syscall(unix.SYS_MADVISE, start, end-start, unix.MADV_DONTNEED); errno != 0 {
				return errno
			}
		}
	}
	return lines.Err()
}
