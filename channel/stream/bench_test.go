package stream

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"testing"

	"rollcall/internal/tlstest"
)

// BenchmarkThroughput sends over TLS on loopback in writes of 16 kB: bare, and
// through a channel.
func BenchmarkThroughput(b *testing.B) {
	b.Run("bare TLS", func(b *testing.B) {
		server, client := securePair(b)
		tlstest.Transfer(b, client, server)
	})
	b.Run("channel", func(b *testing.B) {
		server, client := securePair(b)
		incoming := make(chan *Channel)
		end := make(chan struct{})
		receiver := New(server, Config{Incoming: func(string) func(*Channel) {
			return func(ch *Channel) {
				incoming <- ch
				<-end
				ch.Close()
			}
		}})
		sender := New(client, Config{Client: true})
		ch, err := sender.Open(b.Context(), "transfer")
		if err != nil {
			b.Fatal(err)
		}
		tlstest.Transfer(b, ch, <-incoming)
		close(end)
		ch.Close()
		sender.Close()
		receiver.Close()
	})
}

// securePair returns both ends of a TLS connection whose server has a certificate.
func securePair(b *testing.B) (server, client *tls.Conn) {
	b.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		b.Fatal(err)
	}
	return tlstest.Pair(b,
		&tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{certificate}, PrivateKey: key}}},
		&tls.Config{InsecureSkipVerify: true})
}
