package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/spf13/pflag"
)

// fillFlags sets flags that were not given on the command line: from the
// environment, as ROLLCALL_DATA_DIR for --data-dir, else from a configuration
// file, which has the names of the flags as keys. A file that was not asked for
// may be missing.
func fillFlags(flags *pflag.FlagSet, file string, asked bool) error {
	values, err := readConfig(file, asked)
	if err != nil {
		return err
	}
	var errs []error
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" || f.Name == configFlag {
			return
		}
		inFile, found := values[f.Name]
		delete(values, f.Name)
		if f.Changed {
			return
		}
		variable := "ROLLCALL_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		if text := os.Getenv(variable); text != "" {
			if err := setFlag(flags, f, strings.Fields(text)); err != nil {
				errs = append(errs, fmt.Errorf("%s=%q: %w", variable, text, flagCause(f, err)))
			}
		} else if found {
			if err := setFlag(flags, f, configValues(inFile)); err != nil {
				errs = append(errs, fmt.Errorf("%s: %s = %v: %w", file, f.Name, inFile, flagCause(f, err)))
			}
		}
	})
	for _, key := range slices.Sorted(maps.Keys(values)) {
		errs = append(errs, fmt.Errorf("%s: unknown key %q: the keys are the names of the flags", file, key))
	}
	return errors.Join(errs...)
}

// configFlag is the flag that names the configuration file, and not in it.
const configFlag = "config"

// configFile returns where the configuration is unless told otherwise, or "" for a user
// without a home.
func configFile() string {
	dir := userDir("XDG_CONFIG_HOME", ".config")
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "rollcall", "config.toml")
}

// setFlag sets a flag, once for each value where it may be repeated.
func setFlag(flags *pflag.FlagSet, f *pflag.Flag, values []string) error {
	if _, repeatable := f.Value.(pflag.SliceValue); !repeatable {
		values = []string{strings.Join(values, " ")}
	}
	for _, value := range values {
		if err := flags.Set(f.Name, value); err != nil {
			return err
		}
	}
	return nil
}

func configValues(value any) []string {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	var texts []string
	for _, v := range list {
		texts = append(texts, fmt.Sprint(v))
	}
	return texts
}

func readConfig(file string, asked bool) (map[string]any, error) {
	values := make(map[string]any)
	if file == "" {
		return values, nil
	}
	_, err := toml.DecodeFile(file, &values)
	if errors.Is(err, fs.ErrNotExist) && !asked {
		return values, nil
	}
	if err != nil {
		return nil, fmt.Errorf("configuration %s: %w", file, err)
	}
	return values, nil
}
