package pidf

import (
	"errors"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// A body that a daemon of 2023 took and handed to its clients.
func vector(tb testing.TB) string {
	tb.Helper()
	body, err := os.ReadFile("testdata/lunch-time.xml")
	if err != nil {
		tb.Fatal(err)
	}
	return string(body)
}

func TestAppend(t *testing.T) {
	want := vector(t)
	if got := string(Append(nil, "Lunch Time!")); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for note, text := range map[string]string{
		"":           "",
		"a<b>c & d;": "a&lt;b&gt;c &amp; d;",
		"Déjeuner":   "Déjeuner",
		"a\x00b\xff": "a\uFFFDb\uFFFD",
		`"it's"`:     `"it's"`,
		"]]>":        "]]&gt;",
	} {
		want := "x" + strings.Replace(want, "Lunch Time!", text, 1)
		if got := string(Append([]byte("x"), note)); got != want {
			t.Errorf("%q: got\n%s\nwant\n%s", note, got, want)
		}
	}
}

func TestParse(t *testing.T) {
	// An example of RFC 3863, section 4.2.3, in its spirit: prefixes, contacts,
	// several notes.
	rfc := `<?xml version="1.0" encoding="utf-8"?>
<p:presence xmlns:p="urn:ietf:params:xml:ns:pidf" xmlns:x="urn:x" entity="pres:someone@example.com">
  <p:tuple id="bs35r9">
    <p:status><p:basic>open</p:basic><x:location>home</x:location></p:status>
    <p:contact priority="0.8">im:someone@mobile.example.net</p:contact>
    <p:note xml:lang="en">Don't &#x44;isturb &lt;please&gt;</p:note>
    <p:note xml:lang="fr">Ne dérangez pas</p:note>
  </p:tuple>
  <p:note>I'll be in Tokyo</p:note>
</p:presence>`
	tests := []struct {
		name, body, note string
		err              error
	}{
		{"of a peer", vector(t), "Lunch Time!", nil},
		{"full document", rfc, "Don't Disturb <please>", nil},
		{"without a note", strings.ReplaceAll(rfc, "note", "other"), "", nil},
		{"closed", "<presence><basic> closed\n</basic></presence>", "", nil},
		{"note and closed", "<presence><basic>closed</basic><note>away</note></presence>", "away", nil},
		{"empty note", "<basic>Lunch</basic><note/>", "Lunch", nil},
		{"empty basic", string(Append(nil, "")), "", nil},
		{"only presence", "<presence/>", "", nil},
		{"only basic", "<basic>bare</basic>", "bare", nil},
		{"one blank", "<basic> </basic>", " ", nil},
		{"cdata", "<basic><![CDATA[a <b> & c]]></basic>", "a <b> & c", nil},
		{"comment", "<basic>a<!-- b -->c</basic>", "ac", nil},
		{"markup inside", "<basic>I <b>love</b> it</basic>", "I love it", nil},
		{"the five entities", "<basic>&lt;&gt;&amp;&quot;&apos;</basic>", `<>&"'`, nil},
		{"another entity", "<basic>&nbsp;x</basic>", "&nbsp;x", nil},
		{"not escaped &", "<basic>Lunch & Time</basic>", "Lunch & Time", nil},
		{"not escaped <", before + "1 < 2 && 3 > 2" + after, "1 < 2 && 3 > 2", nil},
		{"not ASCII", "<basic>昼休み</basic>", "昼休み", nil},

		{"empty", "", "", ErrSyntax},
		{"text", "Lunch Time", "", ErrSyntax},
		{"other document", "<html><p>Lunch</p></html>", "", ErrSyntax},
		{"no end", "<presence><basic>Lunch", "", ErrSyntax},
		{"cut in a tag", "<presence><basic>Lunch</bas", "", ErrSyntax},
		{"not UTF-8", "<basic>\xff</basic>", "", ErrSyntax},
		{"control character", "<basic>\x07</basic>", "", ErrSyntax},
		{"other encoding", `<?xml version="1.0" encoding="UTF-16"?><presence/>`, "", ErrSyntax},
		{"type definition", `<!DOCTYPE p [<!ENTITY a "b">]><presence><note>&a;</note></presence>`, "", ErrDTD},
		{"too long", "<basic>" + strings.Repeat("x", MaxBody) + "</basic>", "", ErrTooLong},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			note, err := Parse([]byte(tt.body))
			if note != tt.note || !errors.Is(err, tt.err) {
				t.Errorf("Parse = %q, %v, want %q, %v", note, err, tt.note, tt.err)
			}
		})
	}
}

func TestShowable(t *testing.T) {
	tests := []struct {
		note, adapted string
		ok            bool
	}{
		{"Lunch Time", "Lunch Time", true},
		{"under_score 12", "under_score 12", true},
		{" ", "", true},
		{"a\tb\nc", "a b c", true},
		{"", "", false},
		{"Lunch Time!", "Lunch Time", false},
		{"back at 9:30", "back at 9 30", false},
		{"Lunch & Time", "Lunch Time", false},
		{"Déjeuner", "D jeuner", false},
		{"\xff", "", false},
		{"昼休み", "", false},
	}
	for _, tt := range tests {
		if err := Showable(tt.note); (err == nil) != tt.ok || err != nil && !errors.Is(err, ErrHidden) {
			t.Errorf("Showable(%q) = %v", tt.note, err)
		}
		if got := Adapt(tt.note); got != tt.adapted {
			t.Errorf("Adapt(%q) = %q, want %q", tt.note, got, tt.adapted)
		}
	}
	if err := Showable("Lunch Time!"); !strings.Contains(err.Error(), "'!'") {
		t.Errorf("%v does not name the character", err)
	}
}

// What peers look for is <basic>([\w\s]+)</basic>: a note that is showable must
// be written as it is.
func TestShowableIsWrittenAsItIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		note := rapid.String().Draw(t, "note")
		if adapted := Adapt(note); adapted != "" {
			if err := Showable(adapted); err != nil {
				t.Fatal(err)
			}
			note = adapted
		}
		if Showable(note) == nil && !strings.Contains(string(Append(nil, note)), "<basic>"+note+"</basic>") {
			t.Fatalf("%q is written otherwise", note)
		}
	})
}

func TestRoundTrip(t *testing.T) {
	character := rapid.Rune().Filter(func(r rune) bool { return isXML(r) && r != '\r' })
	rapid.Check(t, func(t *rapid.T) {
		note := rapid.StringOf(character).Draw(t, "note")
		got, err := Parse(Append(nil, note))
		if err != nil || got != note {
			t.Fatalf("got %q, %v, want %q", got, err, note)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(vector(f)))
	f.Add([]byte(`<p:presence xmlns:p="x"><p:note xml:lang="en">a &lt; &#98; <![CDATA[c]]></p:note></p:presence>`))
	f.Add([]byte("<basic>1 < 2</basic>"))
	f.Add([]byte("<!DOCTYPE a><note/>"))
	f.Fuzz(func(t *testing.T, body []byte) {
		note, err := Parse(body)
		if err != nil {
			if note != "" {
				t.Errorf("%q with %v", note, err)
			}
			return
		}
		if !utf8.ValidString(note) || len(note) > len(body) {
			t.Errorf("note %q of %q", note, body)
		}
		if len(note) > MaxBody/8 || strings.Contains(note, "\r") {
			return // may be too long once escaped; XML ends lines by \n
		}
		// The words open and closed are no note in <basic>.
		again, err := Parse(Append(nil, note))
		if err != nil || again != note && again != "" {
			t.Errorf("%q became %q, %v", note, again, err)
		}
	})
}
