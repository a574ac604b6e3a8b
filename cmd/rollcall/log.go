package main

import (
	"io"
	"log/slog"
	"strings"
	"time"
	"unicode"

	"github.com/lmittmann/tint"
)

// logHandler writes log lines, for people if coloured.
func logHandler(w io.Writer, level slog.Level, coloured bool) slog.Handler {
	return tint.NewTextHandler(w, &tint.Options{Level: level, TimeFormat: time.DateTime, NoColor: !coloured, ReplaceAttr: harmlessAttr})
}

// harmlessAttr does for what is logged what harmless does for text. Besides, the
// handler takes the quoted form of an escape for the escape itself: colours are welcome
// to it.
func harmlessAttr(_ []string, a slog.Attr) slog.Attr {
	switch kind := a.Value.Kind(); {
	case a.Key == slog.LevelKey:
	case kind == slog.KindString, kind == slog.KindAny, kind == slog.KindLogValuer:
		a.Value = slog.StringValue(strings.ReplaceAll(harmless(a.Value.Resolve().String()), `\x1b`, `\u001b`))
	}
	return a
}

// harmless is text, errors above all, that may repeat what others have written:
// unable to steer a terminal.
func harmless(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) || r == '\n' {
			return r
		}
		return '�'
	}, text)
}
