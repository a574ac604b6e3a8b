//go:build linux

package main

import (
	"os"
	"os/exec"
	"strings"
)

// kernel returns the release of the running kernel.
func kernel() string {
	raw, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(raw))
}

// processor returns the model name of the first core.
func processor() string {
	raw, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	for line := range strings.Lines(string(raw)) {
		if name, model, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(model)
		}
	}
	return "unknown processor"
}

// versions asks the measured programs, or the system's packages, what they are.
func versions(rollcall, dhtnode string) map[string]string {
	v := make(map[string]string)
	if rollcall != "" {
		if out, err := exec.Command(rollcall, "--version").Output(); err == nil {
			v["rollcall"] = strings.TrimSpace(string(out))
		}
	}
	if dhtnode != "" {
		if version := packageVersion("dhtnode"); version != "" {
			v["dhtnode"] = version
		}
	}
	return v
}

// packageVersion returns the version of an installed package, or nothing.
func packageVersion(name string) string {
	out, err := exec.Command("dpkg-query", "-W", "-f", "${Version}", name).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
