// Package tlstest has what benchmarks of streams over TLS share.
package tlstest

import (
	"crypto/tls"
	"io"
	"net"
	"testing"
)

// Pair returns both ends of a TLS connection over loopback, until the end of the
// test.
func Pair(tb testing.TB, serverConfig, clientConfig *tls.Config) (server, client *tls.Conn) {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer listener.Close()
	dialled, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	accepted, err := listener.Accept()
	if err != nil {
		tb.Fatal(err)
	}
	server, client = tls.Server(accepted, serverConfig), tls.Client(dialled, clientConfig)
	tb.Cleanup(func() {
		client.Close()
		server.Close()
	})
	shaken := make(chan error, 1)
	go func() { shaken <- server.Handshake() }()
	if err := client.Handshake(); err != nil {
		tb.Fatal(err)
	}
	if err := <-shaken; err != nil {
		tb.Fatal(err)
	}
	return server, client
}

// Transfer measures how long a write of 16 kB takes to get from one end to the
// other while more follow.
func Transfer(b *testing.B, from io.Writer, to io.Reader) {
	payload := make([]byte, 16<<10)
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	b.ResetTimer()
	go func() {
		for range b.N {
			if _, err := from.Write(payload); err != nil {
				b.Error(err)
				return
			}
		}
	}()
	if _, err := io.CopyN(io.Discard, to, int64(b.N)*int64(len(payload))); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
}
