package store

import (
	"bufio"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"rollcall/contact"
)

// childDir names the directory, and childSeed the seed, of a process of this test
// program that does nothing but change a State until it kills itself.
const (
	childDir  = "ROLLCALL_TEST_STORE"
	childSeed = "ROLLCALL_TEST_SEED"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		changeUntilKilled(dir, os.Getenv(childSeed))
	}
	os.Exit(m.Run())
}

// changeUntilKilled changes the state in dir step by step, writes the number of
// each step to its output once it is stored, and is killed at a random moment of a
// change.
func changeUntilKilled(dir, seedText string) {
	seed, err := strconv.ParseUint(seedText, 10, 64)
	if err != nil {
		panic(err)
	}
	if rand.N(10) == 0 {
		go dieWithin(10 * time.Millisecond) // often before the first change
	}
	s, err := OpenState(filepath.Join(dir, "state.db"))
	if err != nil {
		panic(err)
	}
	list, steps := replayed(s, seed)
	last := rand.N(4) // the change after which the end is near
	for n := uint32(1); ; n++ {
		begin := time.Now()
		steps(list)
		if err := s.Apply(0, list.Effects(nil)); err != nil {
			panic(err)
		}
		if err := binary.Write(os.Stdout, binary.LittleEndian, n); err != nil {
			panic(err)
		}
		if int(n) == last+1 {
			go dieWithin(time.Since(begin) * 3 / 2) // within this change's successor, or the next
		}
	}
}

func dieWithin(limit time.Duration) {
	time.Sleep(rand.N(limit))
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // nothing follows
}

// replayed returns the list of a state, and a function that takes its next step:
// the same steps for the same state and seed.
func replayed(s *State, seed uint64) (*contact.List, func(*contact.List)) {
	snapshot, err := s.Load()
	if err != nil {
		panic(err)
	}
	rng := rand.New(rand.NewPCG(seed, 2))
	now := start.Add(time.Duration(seed) * time.Hour)
	list := contact.New(now, peer(-1), snapshot, rand.New(rand.NewPCG(seed, 1)))
	return list, func(l *contact.List) {
		now = now.Add(time.Second)
		randomStep(rng, now, l)
	}
}

// TestKilled kills a process that writes, a thousand times and more, and finds
// each time all that it had acknowledged, and no part of anything else.
func TestKilled(t *testing.T) {
	kills, workers := 1000, 4
	if testing.Short() || raceDetector {
		kills = 60
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	steps := 0
	for worker := range workers {
		dir := t.TempDir()
		wg.Go(func() {
			for i := range kills / workers {
				n := kill(t, dir, uint64(i*workers+worker))
				mu.Lock()
				steps += n
				mu.Unlock()
				if t.Failed() {
					return
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d kills, %d changes acknowledged", kills, steps)
	if steps < kills {
		t.Errorf("only %d changes in %d lives: the kills come too early to prove anything", steps, kills)
	}
}

// kill runs one process to its end and checks what it left. It returns the number
// of changes that it had acknowledged.
func kill(t *testing.T, dir string, seed uint64) (acknowledged int) {
	name := filepath.Join(dir, "state.db")
	before, err := OpenState(name)
	if err != nil {
		t.Error(err)
		return 0
	}
	list, step := replayed(before, seed)
	before.Close()

	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+dir, childSeed+"="+strconv.FormatUint(seed, 10))
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Error(err)
		return 0
	}
	if err := child.Start(); err != nil {
		t.Error(err)
		return 0
	}
	for r := bufio.NewReader(out); ; acknowledged++ {
		var n [4]byte
		if _, err := io.ReadFull(r, n[:]); err != nil {
			break
		}
	}
	_ = child.Wait() // it was killed

	after, err := OpenState(name)
	if err != nil {
		t.Error(err)
		return acknowledged
	}
	defer after.Close()
	if after.Damage() != nil {
		t.Errorf("seed %d: %v", seed, after.Damage())
		return acknowledged
	}
	found, _ := replayed(after, 0)
	for range acknowledged {
		step(list)
	}
	want := storable(list)
	if got := storable(found); !reflect.DeepEqual(got, want) {
		step(list) // the one under way may be there, but then whole
		if !reflect.DeepEqual(got, storable(list)) {
			t.Errorf("seed %d: after %d changes\n got %+v\nwant %+v", seed, acknowledged, got, want)
		}
	}
	return acknowledged
}
