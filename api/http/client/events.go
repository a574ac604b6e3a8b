package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"time"

	"rollcall/api/http/schema"
)

// maxEvent bounds one line of a stream.
const maxEvent = 1 << 20

// retry is how long to wait before a broken stream is opened again.
const retry = time.Second

// errUnreadable reports a stream that would be no better a second time.
var errUnreadable = errors.New("unreadable event")

// Events follows everything that happens to an account, or with "" to all. It
// begins with a schema.Start, and continues a stream that breaks: where it
// cannot, because the daemon was restarted or the break was too long, another
// schema.Start tells so. It ends with an error: that of ctx, that of the first connection, or
// what the API refuses.
func (c *Client) Events(ctx context.Context, id string) iter.Seq2[schema.Event, error] {
	return func(yield func(schema.Event, error) bool) {
		last, opened := "", false
		for {
			for event, err := range c.stream(ctx, id, last) {
				if err == nil {
					last, opened = event.ID, true
					if !yield(event, nil) {
						return
					}
					continue
				}
				var refused *schema.Problem
				if !opened || ctx.Err() != nil || errors.As(err, &refused) || errors.Is(err, errUnreadable) {
					yield(schema.Event{}, err)
					return
				}
			}
			if wait(ctx, retry) != nil {
				yield(schema.Event{}, ctx.Err())
				return
			}
		}
	}
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stream reads one stream to its end, which is always an error.
func (c *Client) stream(ctx context.Context, id, last string) iter.Seq2[schema.Event, error] {
	return func(yield func(schema.Event, error) bool) {
		query := accountQuery(id)
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/v1/events?"+query.Encode(), nil)
		if err != nil {
			yield(schema.Event{}, err)
			return
		}
		if last != "" {
			r.Header.Set("Last-Event-ID", last)
		}
		answer, err := c.send(r)
		if err != nil {
			yield(schema.Event{}, err)
			return
		}
		defer answer.Body.Close()
		lines := bufio.NewScanner(answer.Body)
		lines.Buffer(nil, maxEvent)
		for lines.Scan() {
			data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data: "))
			if !ok {
				continue // the data say all that the other lines do
			}
			var event schema.Event
			if err := json.Unmarshal(data, &event); err != nil {
				yield(schema.Event{}, fmt.Errorf("%w of the daemon at %v: %w", errUnreadable, c.at, err))
				return
			}
			if !yield(event, nil) {
				return
			}
		}
		switch err = lines.Err(); {
		case errors.Is(err, bufio.ErrTooLong):
			err = fmt.Errorf("%w: %w", errUnreadable, err)
		case err == nil:
			err = io.ErrUnexpectedEOF
		}
		yield(schema.Event{}, fmt.Errorf("events of the daemon at %v: %w", c.at, err))
	}
}
