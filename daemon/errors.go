package daemon

import (
	"errors"
	"fmt"
	"net"

	"rollcall/account"
	"rollcall/identity"
)

// Errors that tell a caller what is wrong with a call. Faces translate them; the
// D-Bus one, whose clients know no errors, into empty and false replies.
var (
	// ErrUnknownAccount reports an account id that the daemon does not have.
	ErrUnknownAccount = errors.New("daemon: no such account")
	// ErrNotReady reports an account whose keys are still being made.
	ErrNotReady = errors.New("daemon: the account is still being created, try again in a moment")
	// ErrNoContact reports an account that is not in the contact list.
	ErrNoContact = errors.New("daemon: no such contact")
	// ErrNoRequest reports that no trust request of this sender or id is pending.
	ErrNoRequest = errors.New("daemon: no such trust request")
	// ErrAway reports that no device of an account is there to be sent something.
	ErrAway = account.ErrAway
	// ErrPassword reports a wrong or missing password of an archive.
	ErrPassword = identity.ErrPassword
	// ErrArchive reports a file that is no account archive.
	ErrArchive = identity.ErrArchive
	// ErrNoNameServer reports that the account uses no name server.
	ErrNoNameServer = errors.New("daemon: no name server is set, give the account one as its setting RingNS.uri")
	// ErrBadName reports a name that nobody can have.
	ErrBadName = errors.New("daemon: not a possible name: want 3 to 32 letters, digits, - or _")
	// ErrNoName reports that nobody has the name, or that an account has none.
	ErrNoName = errors.New("daemon: no such registered name")
	// ErrInUse reports a data directory that another running daemon has.
	ErrInUse = errors.New("in use by another daemon")
	// ErrNoCertificate reports a certificate that is not known here.
	ErrNoCertificate = errors.New("daemon: no such certificate")
	// ErrTooSlow ends a subscription whose reader has fallen too far behind.
	ErrTooSlow = errors.New("daemon: the reader of the events is too slow")
	// ErrClosed reports a daemon that has been closed. It satisfies
	// errors.Is(err, net.ErrClosed).
	ErrClosed = fmt.Errorf("daemon: closed: %w", net.ErrClosed)
)

// InvalidError reports a value that cannot be used: which field it was given
// for, what it was, and what is wanted.
type InvalidError struct {
	Field, Value, Want string
}

func (e *InvalidError) Error() string {
	return fmt.Sprintf("%s is %q, want %s", e.Field, e.Value, e.Want)
}
