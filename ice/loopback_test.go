package ice_test

import (
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"rollcall/ice"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// overTCP returns two agents on this host.
func overTCP(t testing.TB, addr string) [2]*ice.Agent {
	t.Helper()
	addrs := []netip.Addr{netip.MustParseAddr(addr)}
	return [2]*ice.Agent{
		listen(t, ice.Config{Addrs: addrs}),
		listen(t, ice.Config{Addrs: addrs, Controlling: true}),
	}
}

func TestLoopback(t *testing.T) {
	for _, addr := range []string{"127.0.0.1", "::1"} {
		t.Run(addr, func(t *testing.T) {
			start := time.Now()
			conns := connected(t, overTCP(t, addr))
			t.Logf("connected after %v", time.Since(start))
			if conns[0].Controlling() || !conns[1].Controlling() {
				t.Error("the roles changed without a conflict")
			}
			if conns[0].LocalAddr().String() != conns[1].RemoteAddr().String() || conns[0].RemoteAddr().String() != conns[1].LocalAddr().String() {
				t.Error("the sides chose different connections")
			}
			exchange(t, conns)
			if err := conns[0].Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := conns[1].Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				t.Errorf("after the end: %v, want EOF", err)
			}
			if _, err := conns[0].Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
				t.Errorf("read after Close: %v", err)
			}
			if _, err := conns[0].Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
				t.Errorf("write after Close: %v", err)
			}
		})
	}
}

func TestNothingIsLost(t *testing.T) {
	conns := connected(t, overTCP(t, "127.0.0.1"))
	const total = 30 << 20
	var sums [2][2][32]byte // of side, written and read
	done := make(chan error, 4)
	for i, c := range conns {
		go func() {
			rng := rand.New(rand.NewPCG(uint64(i), 1))
			source := io.LimitReader(rand.NewChaCha8([32]byte{byte(i)}), total)
			hash, buf := sha256.New(), make([]byte, 100_000)
			for {
				n, err := source.Read(buf[:1+rng.IntN(len(buf)-1)])
				if err == io.EOF {
					break
				}
				hash.Write(buf[:n])
				if _, err := c.Write(buf[:n]); err != nil {
					done <- err
					return
				}
			}
			sums[i][0] = [32]byte(hash.Sum(nil))
			done <- nil
		}()
		go func() {
			hash := sha256.New()
			_, err := io.CopyBuffer(hash, io.LimitReader(c, total), make([]byte, 7000))
			sums[i][1] = [32]byte(hash.Sum(nil))
			done <- err
		}()
	}
	start := time.Now()
	for range 4 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d MB each way in %v", total>>20, time.Since(start))
	if sums[0][0] != sums[1][1] || sums[1][0] != sums[0][1] {
		t.Error("what was read is not what was written")
	}
}

func TestASlowReaderHoldsTheWriterBack(t *testing.T) {
	conns := connected(t, overTCP(t, "127.0.0.1"))
	conns[0].SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
	chunk := make([]byte, 1<<20)
	written := 0
	for {
		n, err := conns[0].Write(chunk)
		if written += n; err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal(err)
			}
			break
		}
		if written > 256<<20 {
			t.Fatal("the writer is never held back")
		}
	}
	if _, err := conns[0].Write(chunk); err == nil {
		t.Error("wrote after a frame that was cut")
	}
	// All that was reported as written arrives, unless bytes that nobody read
	// make Close a reset.
	conns[0].SetReadDeadline(time.Now().Add(500 * time.Millisecond))
	conns[0].Read(make([]byte, 1))
	conns[0].Close()
	got, err := io.Copy(io.Discard, conns[1])
	if got < int64(written) {
		t.Errorf("%d bytes arrived of %d written (%v)", got, written, err)
	}
}

func TestReadDeadlineLosesNothing(t *testing.T) {
	conns := connected(t, overTCP(t, "127.0.0.1"))
	conns[0].SetReadDeadline(time.Now())
	if _, err := conns[0].Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("read: %v", err)
	}
	conns[0].SetReadDeadline(time.Time{})
	exchange(t, conns)
}

func TestWriteDoesNotAllocate(t *testing.T) {
	conns := connected(t, overTCP(t, "127.0.0.1"))
	go io.Copy(io.Discard, conns[1])
	payload := make([]byte, 1000)
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := conns[0].Write(payload); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations in each Write", n)
	}
}

func BenchmarkThroughput(b *testing.B) {
	conns := connected(b, overTCP(b, "127.0.0.1"))
	payload := make([]byte, 16<<10)
	b.SetBytes(int64(len(payload)))
	go func() {
		for range b.N {
			conns[0].Write(payload)
		}
	}()
	if _, err := io.CopyN(io.Discard, conns[1], int64(b.N*len(payload))); err != nil {
		b.Fatal(err)
	}
}
