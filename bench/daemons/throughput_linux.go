package daemons

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"rollcall/bench/server"
	"rollcall/bench/transfer"
	"rollcall/test/netns"
	"rollcall/test/peers"
)

const (
	// fileSize is that of the file that goes through a channel.
	fileSize = 128 << 20
	// transferFinished is the code of the event that a file is there.
	transferFinished = 6
)

// throughput measures how fast a file goes through a channel of a connection. The
// C++ daemon sends files within a conversation, by a channel beside that of its git.
// Ours sends none: for it two processes use its connections.
func (s *Suite) throughput(t *trial, d Daemon, round int) error {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, noise(fileSize), 0o600); err != nil {
		return err
	}
	n := newNetwork(t)
	move := betweenProcesses
	if d.Kind.Name == peers.Jamid.Name {
		move = betweenDaemons
	}
	took, cpu, err := move(t, d, n, file)
	if err != nil {
		return err
	}
	s.record(d, round, "daemon throughput", fmt.Sprintf("a file of %d MiB", fileSize>>20), map[string]float64{
		"mb_per_s":     fileSize / 1e6 / took.Seconds(),
		"cpu_s_per_gb": cpu.Seconds() / (fileSize / 1e9),
	})
	return nil
}

// noise returns bytes that nothing can make fewer.
func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

// betweenDaemons lets bob ask for a file of alice's, in the conversation that comes
// with a contact.
func betweenDaemons(t *trial, d Daemon, n network, file string) (took, cpu time.Duration, err error) {
	alice, err := d.Kind.Start(t, n.HostIPv4()).AddAccount(t.ctx, "alice", n.node.Addr())
	if err != nil {
		return 0, 0, err
	}
	bob, err := d.Kind.Start(t, n.HostIPv4()).AddAccount(t.ctx, "bob", n.node.Addr())
	if err != nil {
		return 0, 0, err
	}
	conversation, message, err := offerFile(t.ctx, alice, bob, file)
	if err != nil {
		return 0, 0, err
	}
	before, err := work(alice.Pid(), bob.Pid())
	if err != nil {
		return 0, 0, err
	}
	mark := bob.Mark()
	begin := time.Now()
	var taken bool
	ask := []any{bob.ID, conversation, message["id"], message["fileId"], ""}
	if err := bob.Call(t.ctx, "ConfigurationManager", "downloadFile", ask, []any{&taken}); err != nil {
		return 0, 0, err
	}
	finished, err := bob.Wait(t.ctx, mark, "end of the transfer", func(s peers.Signal) bool {
		return s.Name == "dataTransferEvent" && s.Args[len(s.Args)-1] == int32(transferFinished)
	})
	if err != nil {
		return 0, 0, fmt.Errorf("%w; asked for: %t; there were %v", err, taken, bob.Signals(mark))
	}
	after, err := work(alice.Pid(), bob.Pid())
	return finished.At.Sub(begin), after - before, err
}

// offerFile makes alice and bob contacts, and sends a file to bob. It returns the
// conversation and the message by which bob can ask for it.
func offerFile(ctx context.Context, alice, bob *peers.Account, file string) (conversation string, message map[string]string, err error) {
	mark := bob.Mark()
	if err := alice.SendRequest(ctx, bob.URI, []byte("BEGIN:VCARD\nVERSION:2.1\nFN:alice\nEND:VCARD")); err != nil {
		return "", nil, err
	}
	if _, err := bob.WaitSignal(ctx, mark, "incomingTrustRequest", bob.ID); err != nil {
		return "", nil, err
	}
	if err := bob.AcceptRequest(ctx, alice.URI); err != nil {
		return "", nil, err
	}
	ready, err := bob.WaitSignal(ctx, mark, "conversationReady", bob.ID)
	if err != nil {
		return "", nil, err
	}
	conversation = ready.Args[1].(string)
	mark = bob.Mark()
	offer := []any{alice.ID, conversation, file, "file", ""}
	if err := alice.Call(ctx, "ConfigurationManager", "sendFile", offer, nil); err != nil {
		return "", nil, err
	}
	offered, err := bob.Wait(ctx, mark, "file", func(s peers.Signal) bool {
		if s.Name != "messageReceived" {
			return false
		}
		message, ok := s.Args[2].(map[string]string)
		return ok && message["type"] == "application/data-transfer+json"
	})
	if err != nil {
		return "", nil, err
	}
	return conversation, offered.Args[2].(map[string]string), nil
}

// work returns the CPU time of processes so far.
func work(pids ...int) (total time.Duration, err error) {
	for _, pid := range pids {
		cpu, err := server.CPU(pid)
		if err != nil {
			return 0, err
		}
		total += cpu
	}
	return total, nil
}

// end is one of the two processes of a transfer.
type end struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *json.Decoder
	hello json.RawMessage
}

// betweenProcesses moves the file between two processes of this very program.
func betweenProcesses(t *trial, _ Daemon, n network, file string) (took, cpu time.Duration, err error) {
	var ends [2]*end
	for i, role := range []string{"receive", "send"} {
		path := file
		if role == "receive" {
			path = filepath.Join(t.TempDir(), "received")
		}
		if ends[i], err = startEnd(t, n.HostIPv4(), role, n.node.Addr().String(), path); err != nil {
			return 0, 0, err
		}
	}
	before, err := work(ends[0].cmd.Process.Pid, ends[1].cmd.Process.Pid)
	if err != nil {
		return 0, 0, err
	}
	for i, e := range ends {
		if _, err := e.in.Write(append(ends[1-i].hello, '\n')); err != nil {
			return 0, 0, err
		}
	}
	var result transfer.Result
	if err := ends[1].out.Decode(&result); err != nil {
		return 0, 0, fmt.Errorf("transfer: %w", err)
	}
	after, err := work(ends[0].cmd.Process.Pid, ends[1].cmd.Process.Pid)
	return result.Took, after - before, err
}

// startEnd starts a process and waits until it has said who it is.
func startEnd(t *trial, host *netns.Host, role, bootstrap, file string) (*end, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	e := &end{cmd: exec.CommandContext(t.ctx, self, "transfer", "-bootstrap", bootstrap, "-file", file, "-role", role)}
	e.cmd.Stderr = os.Stderr
	if e.in, err = e.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := e.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	e.out = json.NewDecoder(out)
	if err := host.Start(e.cmd); err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		_ = e.cmd.Process.Kill()
		_ = e.cmd.Wait()
	})
	return e, e.out.Decode(&e.hello)
}
