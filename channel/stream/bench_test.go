package stream

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"testing"
)

// BenchmarkThroughput sends over TLS on loopback in writes of 16 kB: bare, and
// through a channel.
func BenchmarkThroughput(b *testing.B) {
	b.Run("bare TLS", func(b *testing.B) {
		server, client := securePair(b)
		transfer(b, client, server)
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
		transfer(b, ch, <-incoming)
		close(end)
		ch.Close()
		sender.Close()
		receiver.Close()
	})
}

func transfer(b *testing.B, from io.Writer, to io.Reader) {
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

// securePair returns both ends of a TLS connection over loopback.
func securePair(b *testing.B) (server, client net.Conn) {
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
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{certificate}, PrivateKey: key}},
	})
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			err = conn.(*tls.Conn).Handshake()
		}
		if err != nil {
			b.Error(err)
		}
		accepted <- conn
	}()
	client, err = tls.Dial("tcp", listener.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		b.Fatal(err)
	}
	server = <-accepted
	b.Cleanup(func() {
		client.Close()
		server.Close()
	})
	return server, client
}
