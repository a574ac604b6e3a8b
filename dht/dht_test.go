package dht_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"rollcall/dht"
	"rollcall/dht/infohash"
	"rollcall/dht/value"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open starts a node on loopback that ends with the test.
func open(t *testing.T, cfg dht.Config) *dht.Node {
	t.Helper()
	cfg.Bind4, cfg.NoIPv6 = netip.MustParseAddr("127.0.0.1"), true
	n, err := dht.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

func addrOf(n *dht.Node) string { return fmt.Sprintf("127.0.0.1:%d", n.Port()) }

func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestValidateNamesEveryMistake(t *testing.T) {
	cfg := dht.Config{
		NoIPv4: true, NoIPv6: true,
		Bind4: netip.MustParseAddr("::1"), Bind6: netip.MustParseAddr("127.0.0.1"),
		StorageBytes: -1, Bootstrap: []string{"host:port", "a b"},
	}
	_, err := dht.Open(t.Context(), cfg)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"no address family", "Bind4", "Bind6", "StorageBytes", `"host:port"`, `"a b"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not mention %s", err, want)
		}
	}
}

func TestOperationsOfAClosedNode(t *testing.T) {
	n := open(t, dht.Config{})
	listening := make(chan error, 1)
	ready := make(chan struct{})
	go func() {
		close(ready)
		for _, err := range n.Listen(context.Background(), infohash.SumString("k"), dht.Lookup{}) {
			listening <- err
		}
	}()
	<-ready
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if err := <-listening; !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listen ended with %v", err)
	}
	if _, err := n.Put(t.Context(), infohash.SumString("k"), &value.Value{}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Put: %v", err)
	}
	for _, err := range n.Get(t.Context(), infohash.SumString("k"), dht.Lookup{}) {
		if !errors.Is(err, dht.ErrClosed) {
			t.Errorf("Get: %v", err)
		}
	}
}

func TestContextsEndOperations(t *testing.T) {
	n := open(t, dht.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := n.Put(ctx, infohash.SumString("k"), &value.Value{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Put: %v", err)
	}
	for _, err := range n.Listen(ctx, infohash.SumString("k"), dht.Lookup{}) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Listen: %v", err)
		}
	}
	if err := n.WaitConnected(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("WaitConnected: %v", err)
	}
}

func TestTooLarge(t *testing.T) {
	n := open(t, dht.Config{})
	_, err := n.Put(t.Context(), infohash.SumString("k"), &value.Value{Data: make([]byte, value.MaxDataSize+1)})
	if !errors.Is(err, dht.ErrTooLarge) {
		t.Errorf("Put: %v", err)
	}
}

func TestLargeValues(t *testing.T) {
	a := open(t, dht.Config{})
	b := open(t, dht.Config{Bootstrap: []string{addrOf(a)}})
	ctx := deadline(t)
	if err := b.WaitConnected(ctx); err != nil {
		t.Fatal(err)
	}
	key := infohash.SumString("large")
	// Together they are more than one answer holds.
	const count = 24
	for i := range count {
		data := make([]byte, value.MaxDataSize)
		data[0] = byte(i)
		if stored, err := b.Put(ctx, key, &value.Value{ID: uint64(i) + 1, Data: data}); err != nil || stored != 1 {
			t.Fatalf("put %d: stored on %d, %v", i, stored, err)
		}
	}
	c := open(t, dht.Config{Bootstrap: []string{addrOf(a)}, Client: true})
	if err := c.WaitConnected(ctx); err != nil {
		t.Fatal(err)
	}
	found := 0
	for v, err := range c.Get(ctx, key, dht.Lookup{}) {
		if err != nil {
			t.Fatal(err)
		}
		if len(v.Data) != value.MaxDataSize || v.Data[0] != byte(v.ID-1) {
			t.Errorf("value %d is damaged", v.ID)
		}
		found++
	}
	if found != count {
		t.Errorf("found %d of %d values", found, count)
	}
}

func TestStateIsKeptOverARestart(t *testing.T) {
	a := open(t, dht.Config{})
	file := filepath.Join(t.TempDir(), "state")
	b := open(t, dht.Config{StateFile: file, Bootstrap: []string{addrOf(a)}})
	if err := b.WaitConnected(deadline(t)); err != nil {
		t.Fatal(err)
	}
	id := b.ID()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, dht.Config{StateFile: file})
	if again.ID() != id {
		t.Errorf("id %v, want that of the file, %v", again.ID(), id)
	}
	if err := again.WaitConnected(deadline(t)); err != nil {
		t.Errorf("without a bootstrap node: %v", err)
	}
}

func TestADamagedStateFileIsNotOverwritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state")
	if err := os.WriteFile(file, []byte("not a state"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := dht.Open(t.Context(), dht.Config{StateFile: file}); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("Open: %v, want an error that names the file", err)
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "not a state" {
		t.Errorf("the file now holds %q, %v", b, err)
	}
}
