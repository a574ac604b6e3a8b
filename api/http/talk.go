package http

import (
	"context"
	"fmt"

	"github.com/danielgtaylor/huma/v2"

	"rollcall/api/http/schema"
	"rollcall/daemon"
	"rollcall/peer"
)

func (s *service) addTalk(api huma.API) {
	const path = "/v1/accounts/{account}"
	answer(api, operation("GET", path+"/note", "get-note", "Tell what the account says of itself"), s.getNote)
	answer(api, operation("PUT", path+"/note", "publish-note", "Tell contacts a note, now and when they connect"), s.publishNote)
	perform(api, operation("DELETE", path+"/note", "clear-note", "Take the note back"), s.clearNote)
	answer(api, operation("GET", path+"/notes-by-sip", "get-notes-by-sip", "Tell whether notes go to older daemons, which show them as messages"), s.getNotesBySIP)
	perform(api, operation("PUT", path+"/notes-by-sip", "set-notes-by-sip", "Let notes go to older daemons, or not"), s.setNotesBySIP)
	answer(api, operation("POST", path+"/texts/{peer}", "send-text", "Send a message to the devices of somebody who is there"), s.sendText)
	answer(api, operation("GET", path+"/connections", "list-connections", "List the direct connections with other devices"), s.listConnections)
}

func (s *service) getNote(_ context.Context, in *AccountPath) (schema.Note, error) {
	note, err := s.daemon.Note(in.Account)
	return schema.Note(note), err
}

// noteForms are the forms of notes by their names.
var noteForms = map[string]daemon.NoteForm{
	"refuse": daemon.RefuseNote, "adapt": daemon.AdaptNote, "any": daemon.AnyNote,
}

type newNote struct {
	AccountPath
	Body schema.NewNote
}

func (s *service) publishNote(ctx context.Context, in *newNote) (schema.Note, error) {
	note := daemon.Note{Text: in.Body.Text, Until: in.Body.Until}
	note, err := s.daemon.PublishNote(ctx, in.Account, note, noteForms[in.Body.Form])
	return schema.Note(note), err
}

func (s *service) clearNote(ctx context.Context, in *AccountPath) error {
	return s.daemon.ClearNote(ctx, in.Account)
}

func (s *service) getNotesBySIP(_ context.Context, in *AccountPath) (schema.Switch, error) {
	on, err := s.daemon.NotesBySIP(in.Account)
	return schema.Switch{On: on}, err
}

func (s *service) setNotesBySIP(ctx context.Context, in *struct {
	AccountPath
	Body schema.Switch
},
) error {
	return s.daemon.SetNotesBySIP(ctx, in.Account, in.Body.On)
}

type newText struct {
	PeerPath
	Body schema.NewText
}

func (s *service) sendText(ctx context.Context, in *newText) (schema.SentText, error) {
	id, err := s.daemon.SendText(ctx, in.Account, in.Peer, in.Body.Type, in.Body.Content)
	return schema.SentText{ID: textID(id)}, err
}

func textID(id uint64) string { return fmt.Sprintf("%016x", id) }

func (s *service) listConnections(_ context.Context, in *AccountPath) ([]schema.Connection, error) {
	conns, err := s.daemon.Connections(in.Account)
	return each(conns, fromConnection), err
}

func fromConnection(c peer.Info) schema.Connection {
	return schema.Connection{
		Peer: c.Account, Device: c.Device.String(), Local: c.Local.String(), Remote: c.Remote.String(),
		Relayed: c.Relayed, Ours: c.Ours.String(), Theirs: c.Theirs.String(), Asked: c.Asked, Since: c.Since, SetUp: c.SetUp.Seconds(), Cipher: c.Cipher,
		BytesIn: c.BytesIn, BytesOut: c.BytesOut, Declined: c.Declined,
		Channels: each(c.Channels, func(ch peer.ChannelInfo) schema.Channel {
			return schema.Channel{Name: ch.Name, Since: ch.Since, BytesIn: ch.BytesIn, BytesOut: ch.BytesOut}
		}),
	}
}
