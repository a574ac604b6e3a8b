package server

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Memory is what a process occupies, in bytes.
type Memory struct {
	RSS  int64 // resident, shared libraries included
	PSS  int64 // resident, shared pages divided by their users
	Anon int64 // anonymous: heap and stacks
}

// ReadMemory returns the memory of process pid now.
func ReadMemory(pid int) (Memory, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return Memory{}, fmt.Errorf("read memory: %w", err)
	}
	return parseMemory(raw)
}

func parseMemory(raw []byte) (Memory, error) {
	var m Memory
	fields := map[string]*int64{"Rss:": &m.RSS, "Pss:": &m.PSS, "Anonymous:": &m.Anon}
	for lines := bufio.NewScanner(bytes.NewReader(raw)); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) != 3 || fields[words[0]] == nil {
			continue
		}
		kilobytes, err := strconv.ParseInt(words[1], 10, 64)
		if err != nil {
			return Memory{}, fmt.Errorf("memory line %q: %w", lines.Text(), err)
		}
		*fields[words[0]] = kilobytes << 10
	}
	if m.RSS == 0 {
		return Memory{}, fmt.Errorf("no resident size in the memory map of the process")
	}
	return m, nil
}

// Wakeups returns how often the threads of process pid have gone to sleep so far,
// each of which ends in a wake-up.
func Wakeups(pid int) (int64, error) {
	dir := fmt.Sprintf("/proc/%d/task", pid)
	tasks, err := os.ReadDir(dir)
	if err != nil {
		return 0, fmt.Errorf("list threads: %w", err)
	}
	var sum int64
	for _, task := range tasks {
		raw, err := os.ReadFile(dir + "/" + task.Name() + "/status")
		if err != nil {
			continue // the thread has ended
		}
		for line := range strings.Lines(string(raw)) {
			if name, count, ok := strings.Cut(line, ":"); ok && name == "voluntary_ctxt_switches" {
				n, err := strconv.ParseInt(strings.TrimSpace(count), 10, 64)
				if err != nil {
					return 0, fmt.Errorf("switch count %q: %w", count, err)
				}
				sum += n
			}
		}
	}
	return sum, nil
}
