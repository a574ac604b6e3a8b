package exchange

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestModel lets two exchanges live through anything and holds them to this: once
// connected for a while, both know the note of the other; no text comes twice;
// and every text that was sent by a connection that stood has come.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		parties := []*party{w.party("a", true), w.party("b", true)}
		var links []*link
		texts := 0
		t.Repeat(map[string]func(*rapid.T){
			"connect": func(t *rapid.T) {
				first := rapid.IntRange(0, 1).Draw(t, "first")
				links = append(links, w.connect(parties[first], parties[1-first]))
			},
			"cut": func(t *rapid.T) {
				if len(links) > 0 {
					w.cut(rapid.SampledFrom(links).Draw(t, "link"))
				}
			},
			"wait": func(t *rapid.T) {
				w.run(time.Duration(rapid.IntRange(1, 300).Draw(t, "ms")) * time.Millisecond)
			},
			"note": func(t *rapid.T) {
				p := rapid.SampledFrom(parties).Draw(t, "party")
				p.x.SetNote(w.now, Note{Text: rapid.StringMatching("[a-z]{0,2}").Draw(t, "text")})
				p.settle(w)
			},
			"text": func(t *rapid.T) {
				i := rapid.IntRange(0, 1).Draw(t, "party")
				texts++
				if _, err := parties[i].x.Send(w.now, parties[1-i].account, "text/plain", fmt.Sprint("text ", texts)); err != nil {
					t.Fatal(err)
				}
				parties[i].settle(w)
			},
			"lose channel": func(t *rapid.T) {
				p := rapid.SampledFrom(parties).Draw(t, "party")
				if len(p.x.devices) > 0 && p.x.devices[0].open(Records) != nil {
					p.x.Received(w.now, p.x.devices[0].open(Records).id, []byte{0xc1})
					p.settle(w)
				}
			},
			"": func(t *rapid.T) { checkOnce(t, w.log) },
		})
		w.run(time.Second) // what is under way arrives
		for _, c := range links {
			w.cut(c)
		}
		for i, p := range parties {
			p.x.SetNote(w.now, Note{Text: fmt.Sprint("last of ", p.name)})
			if _, err := p.x.Send(w.now, parties[1-i].account, "text/plain", "last text of "+p.name); err != nil {
				t.Fatal(err)
			}
			p.settle(w)
		}
		w.connect(parties[0], parties[1])
		w.run(time.Second)
		checkOnce(t, w.log)
		for _, want := range []string{
			`a sees the note "last of b"`, `b sees the note "last of a"`,
			`a gets "last text of b"`, `b gets "last text of a"`,
		} {
			if !slices.Contains(w.log, want) {
				t.Fatalf("%s is missing: %q", want, w.log)
			}
		}
		w.run(2 * textLimit)
		for _, p := range parties {
			if len(p.x.texts) > 0 || p.x.pending != 0 {
				t.Fatalf("%d texts are left, of %d bytes", len(p.x.texts), p.x.pending)
			}
		}
	})
}

func checkOnce(t *rapid.T, log []string) {
	for i, line := range log {
		if len(line) > 6 && line[2:6] == "gets" && slices.Contains(log[:i], line) {
			t.Fatalf("%s twice", line)
		}
	}
}
