package relay

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/pion/stun/v4"
)

// attempted opens the connection that a peer made at the server (RFC 6062 4.4).
func (l *Listener) attempted(m *stun.Message) {
	var peer stun.XORMappedAddress
	id, err := m.Get(stun.AttrConnectionID)
	if err != nil || len(id) != 4 || peer.GetFromAs(m, stun.AttrXORPeerAddress) != nil {
		return
	}
	from := tcpAddr(peer)
	select {
	case l.binds <- struct{}{}:
	default:
		return // the server closes what nobody takes
	}
	l.goWhileOpen(func() {
		defer func() { <-l.binds }()
		c, err := l.bind(from, id)
		if err != nil {
			return // the peer tries again
		}
		select {
		case l.conns <- c:
		case <-l.ctx.Done():
			c.Close()
		}
	})
}

// bind opens a connection to the server that goes on to the peer.
func (l *Listener) bind(from *net.TCPAddr, id []byte) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(l.ctx, bindTimeout)
	defer cancel()
	nc, err := l.server.dial(ctx)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = nc.SetDeadline(time.Unix(1, 0)) })
	err = l.join(nc, id)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		nc.Close()
		return nil, err
	}
	return &conn{nc, l.addr, from}, nil
}

// join tells the server which connection this is. Nothing is read but the answer:
// the stream of the peer follows on it. The answer bears no proof of the server
// with all servers, and needs none: the peer proves itself.
func (l *Listener) join(nc net.Conn, id []byte) error {
	request, err := l.build(stun.MethodConnectionBind, stun.RawAttribute{Type: stun.AttrConnectionID, Value: id})
	if err != nil {
		return err
	}
	if _, err := nc.Write(request.Raw); err != nil {
		return err
	}
	answer, err := readMessage(nc)
	if err != nil {
		return err
	}
	if answer.TransactionID != request.TransactionID || answer.Type.Class != stun.ClassSuccessResponse {
		return fmt.Errorf("%w: connection not bound", ErrProtocol)
	}
	return nil
}

// conn is a connection with a peer, whose addresses are those at the server.
type conn struct {
	net.Conn
	local, remote *net.TCPAddr
}

func (c *conn) LocalAddr() net.Addr  { return c.local }
func (c *conn) RemoteAddr() net.Addr { return c.remote }
