package engine

import (
	"bytes"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/value"
)

var update = flag.Bool("update", false, "write the traces instead of comparing them")

// TestTraces runs the scripts in testdata. A script is blocks of commands, each
// followed by ---- and the trace that they cause:
//
//	node NAME ID [client] [network=N]  a node whose id begins with ID
//	contact NAME NAME                  the first pings the second
//	put NAME KEY ID DATA [permanent] [age=DURATION] [as=OP] [size=N] [signed=SEQ]
//	get NAME KEY, listen NAME KEY [as=OP], ping NAME NAME
//	stop NAME OP
//	kill NAME, revive NAME             the network drops what is sent to it
//	change NAME                        its connectivity has changed
//	move NAME                          it goes to another address
//	restart NAME [ID]                  it starts anew, with an empty memory
//	lose NAME KEY ID                   it loses a value
//	advance DURATION
//	packets on|off                     whether datagrams are traced
func TestTraces(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { runTrace(t, file) })
	}
}

func runTrace(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	var got strings.Builder
	for block := range strings.SplitSeq(strings.TrimSpace(string(text)), "\n\n") {
		commands, want, _ := strings.Cut(block+"\n", "----\n")
		for line := range strings.Lines(commands) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				w.command(strings.Fields(line))
			}
		}
		trace := w.trace.String()
		w.trace.Reset()
		if !*update && strings.TrimSpace(trace) != strings.TrimSpace(want) {
			t.Errorf("%s\ngot:\n%s\nwant:\n%s", commands, trace, want)
		}
		fmt.Fprintf(&got, "%s----\n%s\n", commands, trace)
	}
	if *update {
		if err := os.WriteFile(file, []byte(strings.TrimSpace(got.String())+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// command runs one line of a script.
func (w *world) command(args []string) {
	w.t.Helper()
	name := args[len(args)-1]
	if len(args) > 1 {
		name = args[1]
	}
	options := make(map[string]string)
	for _, arg := range args[1:] {
		k, v, _ := strings.Cut(arg, "=")
		options[k] = v
	}
	_, client := options["client"]
	_, permanent := options["permanent"]
	switch args[0] {
	case "node":
		network, _ := strconv.ParseUint(options["network"], 10, 32)
		w.add(name, args[2], func(c *Config) { c.Client, c.Network = client, uint32(network) })
	case "contact":
		w.do(name, func(e *Engine) { e.Contact(w.now, []netip.AddrPort{w.addr(args[2])}) })
	case "put":
		id, _ := strconv.ParseUint(args[3], 10, 64)
		age, _ := time.ParseDuration(options["age"])
		w.do(name, func(e *Engine) {
			v := &value.Value{ID: id, Data: []byte(args[4])}
			if size, err := strconv.Atoi(options["size"]); err == nil {
				v.Data = bytes.Repeat(v.Data, size)
			}
			if seq, err := strconv.ParseUint(options["signed"], 10, 16); err == nil {
				v = signedValue(w.t, id, uint16(seq), args[4])
			}
			w.ops[options["as"]] = e.Put(w.now, Put{Key: infohash.SumString(args[2]), Value: v, Created: w.now.Add(-age), Permanent: permanent})
		})
	case "get":
		w.do(name, func(e *Engine) { e.Get(w.now, infohash.SumString(args[2]), value.Query{}) })
	case "listen":
		w.do(name, func(e *Engine) {
			w.ops[options["as"]] = e.Listen(w.now, infohash.SumString(args[2]), value.Query{})
		})
	case "ping":
		w.do(name, func(e *Engine) { e.Ping(w.now, w.addr(args[2])) })
	case "stop":
		w.do(name, func(e *Engine) { e.Stop(w.now, w.ops[args[2]]) })
	case "kill", "revive":
		w.dead[name] = args[0] == "kill"
	case "change":
		w.do(name, func(e *Engine) { e.ConnectivityChanged(w.now) })
	case "move":
		old := w.addr(name)
		delete(w.addrs, old)
		w.moved[name] = netip.AddrPortFrom(old.Addr(), old.Port()+1)
		w.addrs[w.addr(name)] = name
	case "restart":
		cfg := w.engines[name].cfg
		if len(args) > 2 {
			cfg.ID = infohash.SumString(args[2])
		}
		w.run(name, cfg, byte(100+len(w.names)))
	case "lose":
		id, _ := strconv.ParseUint(args[3], 10, 64)
		w.do(name, func(e *Engine) { e.store.Remove(w.now, infohash.SumString(args[2]), id) })
	case "advance":
		d, err := time.ParseDuration(args[1])
		if err != nil {
			w.t.Fatal(err)
		}
		w.advance(d)
	case "packets":
		w.quiet = args[1] == "off"
	default:
		w.t.Fatalf("unknown command %q", args[0])
	}
}
