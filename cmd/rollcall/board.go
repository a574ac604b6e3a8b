package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"rollcall/api/http/client"
	"rollcall/api/http/schema"
	"rollcall/dht/infohash"
)

// board is what watch shows: the state of an account, kept by events.
type board struct {
	account  schema.Account
	contacts map[infohash.Hash]schema.Contact
	presence map[infohash.Hash]schema.Presence
	requests map[infohash.Hash]schema.Request
}

// load reads the state afresh.
func (b *board) load(ctx context.Context, c *client.Client, id string) error {
	account, err := c.Account(ctx, id)
	if err != nil {
		return err
	}
	contacts, err := c.Contacts(ctx, id)
	if err != nil {
		return err
	}
	presence, err := c.Presence(ctx, id)
	if err != nil {
		return err
	}
	requests, err := c.Requests(ctx, id)
	if err != nil {
		return err
	}
	b.set(account, contacts, presence, requests)
	return nil
}

func (b *board) set(account schema.Account, contacts []schema.Contact, presence []schema.Presence, requests []schema.Request) {
	b.account = account
	b.contacts = byHash(contacts, func(c schema.Contact) infohash.Hash { return c.Peer })
	b.presence = byHash(presence, func(p schema.Presence) infohash.Hash { return p.Peer })
	b.requests = byHash(requests, func(r schema.Request) infohash.Hash { return r.From })
}

func byHash[T any](items []T, key func(T) infohash.Hash) map[infohash.Hash]T {
	m := make(map[infohash.Hash]T, len(items))
	for _, item := range items {
		m[key(item)] = item
	}
	return m
}

// apply notes what an event tells. It returns false if the state is to be read
// afresh instead.
func (b *board) apply(e schema.Event) bool {
	switch e.Type {
	case schema.PresenceChanged:
		b.applyPresence(e)
	case schema.ContactAdded:
		c := b.contacts[e.Peer]
		c.Peer, c.Active, c.Banned, c.Confirmed = e.Peer, true, false, e.Confirmed
		b.contacts[e.Peer] = c
	case schema.ContactRemoved:
		delete(b.contacts, e.Peer)
		if e.Banned {
			b.contacts[e.Peer] = schema.Contact{Peer: e.Peer, Banned: true}
		}
	case schema.OutgoingChanged:
		if c, ok := b.contacts[e.Peer]; ok && e.Kind == "request" {
			c.Asked = e.State
			b.contacts[e.Peer] = c
		}
	case schema.RequestReceived:
		if e.Request != nil {
			b.requests[e.Peer] = *e.Request
		}
	case schema.RequestClosed:
		delete(b.requests, e.Peer)
	case schema.VolatileChanged:
		b.account.Announced = e.Settings["Account.deviceAnnounced"] == "true"
	case schema.NoteChanged:
		b.account.Note = e.OwnNote
	case schema.DevicesChanged, schema.LeaseChanged, schema.TextReceived, schema.TextChanged:
	default:
		return false
	}
	return true
}

func (b *board) applyPresence(e schema.Event) {
	p := b.presence[e.Peer]
	if p.Status != e.Status {
		p.Since = e.At
	}
	if p.Status != "" && p.Status != "offline" || e.Status != "offline" {
		p.LastSeen = e.At
	}
	p.Peer, p.Status = e.Peer, e.Status
	if e.Cause == causeNote {
		p.Note, p.Noted = e.Note, e.At
	}
	b.presence[e.Peer] = p
}

// lines returns the board for a screen of this size, who is there first.
func (b *board) lines(now time.Time, width, height int) []string {
	peers := b.peers()
	there := 0
	for _, peer := range peers {
		if status := b.presence[peer].Status; status == "online" || status == "connected" {
			there++
		}
	}
	head := fmt.Sprintf("%s: %s", plain(b.account.DisplayName), accountState(b.account))
	if note := b.account.Note; note != nil && note.Text != "" {
		head += ", says: " + noteText(*note, now)
	}
	lines := []string{
		head,
		uriText(b.account),
		"",
	}
	for _, r := range b.waiting() {
		lines = append(lines, fmt.Sprintf("%v  asks to be a contact, %s ago  %s", r.From, age(now.Sub(r.Received)), plain(r.Title)))
	}
	if len(b.requests) > 0 {
		lines = append(lines, "")
	}
	lines = append(lines, fmt.Sprintf("%d of %d are there", there, len(peers)))
	for _, peer := range peers {
		lines = append(lines, b.line(peer, now))
	}
	if height > 0 && len(lines) > height {
		hidden := len(lines) - height + 1
		lines = append(lines[:height-1], fmt.Sprintf("… and %d more", hidden))
	}
	for i, line := range lines {
		if runes := []rune(line); width > 0 && len(runes) > width {
			lines[i] = string(runes[:width])
		}
	}
	return lines
}

func (b *board) line(peer infohash.Hash, now time.Time) string {
	sign := " "
	switch b.presence[peer].Status {
	case "online":
		sign = "○"
	case "connected":
		sign = "●"
	}
	parts := []string{sign + " " + peer.String(), presenceText(b.presence[peer], now)}
	if contact, ok := b.contacts[peer]; ok && !contact.Confirmed {
		parts = append(parts, contactState(contact))
	}
	if note := saying(b.presence[peer], now); note != "" {
		parts = append(parts, note)
	}
	return strings.Join(parts, "  ")
}

// peers returns whom to show: those who are there, then those seen last.
func (b *board) peers() []infohash.Hash {
	type place struct {
		peer infohash.Hash
		rank int
		seen time.Time
	}
	ranks := map[string]int{"connected": 0, "online": 1}
	var places []place
	add := func(peer infohash.Hash) {
		p := b.presence[peer]
		rank, there := ranks[p.Status]
		if !there {
			rank = len(ranks)
		}
		places = append(places, place{peer, rank, p.LastSeen})
	}
	for peer, contact := range b.contacts {
		if !contact.Banned {
			add(peer)
		}
	}
	for peer := range b.presence {
		if _, known := b.contacts[peer]; !known {
			add(peer)
		}
	}
	slices.SortFunc(places, func(x, y place) int {
		return cmp.Or(cmp.Compare(x.rank, y.rank), y.seen.Compare(x.seen), x.peer.Compare(y.peer))
	})
	peers := make([]infohash.Hash, len(places))
	for i, p := range places {
		peers[i] = p.peer
	}
	return peers
}

// waiting returns the requests that ask for attention, the latest first.
func (b *board) waiting() []schema.Request {
	requests := slices.Collect(maps.Values(b.requests))
	slices.SortFunc(requests, func(x, y schema.Request) int {
		return cmp.Or(y.Received.Compare(x.Received), x.From.Compare(y.From))
	})
	return requests
}
