package peer

import (
	"crypto/tls"
	"net"
	"testing"
	"time"

	"rollcall/internal/dhttest"
	"rollcall/internal/tlstest"
)

// BenchmarkThroughput sends over loopback in writes of 16 kB: over bare TLS, and
// through a channel of a connection.
func BenchmarkThroughput(b *testing.B) {
	b.Run("bare TLS", func(b *testing.B) {
		server, client := bareTLS(b)
		tlstest.Transfer(b, client, server)
	})
	b.Run("connection", func(b *testing.B) {
		nodes := dhttest.Network(b, 3)
		incoming, end := make(chan net.Conn), make(chan struct{})
		alice := newPerson(b, nodes[1], people()[0], nil)
		bob := newPerson(b, nodes[2], people()[1], func(cfg *Config) {
			cfg.Incoming = func(*Conn, string) func(net.Conn) {
				return func(ch net.Conn) {
					incoming <- ch
					<-end
					ch.Close()
				}
			}
		})
		defer close(end)
		alice.accept(bob, Contact)
		bob.accept(alice, Contact)
		alice.want(bob)
		conn := await[Connected](b, alice, 0, nil).Conn
		ch, err := conn.Open(b.Context(), "transfer")
		if err != nil {
			b.Fatal(err)
		}
		defer ch.Close()
		tlstest.Transfer(b, ch, <-incoming)
	})
}

// BenchmarkSetUp connects two devices that are announced, and know nothing of each
// other but that: asked and answered over the DHT, ICE, TLS.
func BenchmarkSetUp(b *testing.B) {
	nodes := dhttest.Network(b, 3)
	alice := newPerson(b, nodes[1], people()[0], nil)
	bob := newPerson(b, nodes[2], people()[1], nil)
	alice.accept(bob, Contact)
	bob.accept(alice, Contact)
	var took time.Duration
	for b.Loop() {
		mark := alice.Mark()
		alice.want(bob)
		conn := await[Connected](b, alice, mark, nil).Conn
		took += conn.Info().SetUp
		alice.Unwant(conn.Device())
		mark = bob.Mark()
		conn.Close()
		await[Disconnected](b, bob, mark, nil)
	}
	b.ReportMetric(float64(took.Microseconds())/1000/float64(b.N), "set-up-ms")
}

// bareTLS returns both ends of a TLS connection between two devices.
func bareTLS(b *testing.B) (server, client *tls.Conn) {
	b.Helper()
	config := func(i int) *tls.Config {
		device := people()[i]
		return &tls.Config{
			Certificates: []tls.Certificate{{Certificate: device.Chain().DER(), PrivateKey: device}},
			ClientAuth:   tls.RequireAnyClientCert, InsecureSkipVerify: true,
		}
	}
	return tlstest.Pair(b, config(0), config(1))
}
