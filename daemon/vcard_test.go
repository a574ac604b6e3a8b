package daemon

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestDisplayName(t *testing.T) {
	t.Parallel()
	tests := []struct{ card, want string }{
		{"BEGIN:VCARD\r\nVERSION:2.1\r\nFN:Alice\r\nEND:VCARD", "Alice"},
		{"fn;CHARSET=UTF-8: Bob\\, the builder\n", "Bob, the builder"},
		{"FN:\x1b[31mred\n", "[31mred"},
		{"FN:\xff\xfe\n", ""},
		{"", ""},
	}
	for _, tt := range tests {
		if got := displayName([]byte(tt.card)); got != tt.want {
			t.Errorf("displayName(%q) = %q, want %q", tt.card, got, tt.want)
		}
	}
}

// TestCard reads the cards of accounts as their recipients do.
func TestCard(t *testing.T) {
	for name, want := range map[string]string{
		"alice":                   "alice",
		"  Ana, Bo; Cy ":          "Ana, Bo; Cy",
		"Eve\nPHOTO:x":            "EvePHOTO:x",
		"":                        "",
		" \t":                     "",
		strings.Repeat("é", 1000): strings.Repeat("é", maxTitle),
	} {
		card := vCard(name)
		if got := displayName(card); got != want || (card == nil) != (want == "") {
			t.Errorf("%q: card %q says %q, want %q", name, card, got, want)
		}
	}
}

// FuzzDisplayName looks for a card whose name is not fit to be shown.
func FuzzDisplayName(f *testing.F) {
	f.Add([]byte("BEGIN:VCARD\nVERSION:2.1\nFN:alice\nPHOTO;ENCODING=BASE64;TYPE=PNG:aGVsbG8=\nEND:VCARD"))
	f.Add([]byte("FN;X=\"a:b\":\\\\\\n\x00\u202e"))
	f.Fuzz(func(t *testing.T, card []byte) {
		name := displayName(card)
		if !utf8.ValidString(name) || utf8.RuneCountInString(name) > maxTitle {
			t.Errorf("name %q", name)
		}
		for _, r := range name {
			if !unicode.IsPrint(r) {
				t.Errorf("name %q holds %U", name, r)
			}
		}
	})
}
