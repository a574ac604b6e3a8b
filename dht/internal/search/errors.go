package search

import "fmt"

// RemoteError is an error message of a peer (opendht spec 2.3).
type RemoteError struct {
	Code uint16
	Text string
}

func (e *RemoteError) Error() string {
	return fmt.Sprintf("the node refused the request: %d %q", e.Code, e.Text)
}
