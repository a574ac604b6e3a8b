package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"rsc.io/qr"

	"rollcall/api/http/client"
	"rollcall/api/http/schema"
	"rollcall/identity"
)

func (f *accountFlags) qrCommand() *cobra.Command {
	return f.onAccount("qr [ACCOUNT]", "Show the URI of an account as a QR code", func(cmd *cobra.Command, _ *client.Client, a schema.Account) error {
		if a.URI.IsZero() {
			return fmt.Errorf("account %s has no URI yet: its keys are being made", a.ID)
		}
		uri := identity.URI(a.URI)
		picture, err := qrText(uri)
		if err != nil {
			return err
		}
		return f.show(cmd.OutOrStdout(), map[string]string{"uri": uri, "qr": picture}, picture+uri)
	})
}

// quiet is the light border that a QR code needs, in modules.
const quiet = 2

// qrText draws a QR code, two modules to a character. Light modules are drawn,
// dark ones left to the background of a dark terminal; readers take the opposite
// as well.
func qrText(text string) (string, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return "", err
	}
	light := func(x, y int) bool { return !code.Black(x, y) }
	var b strings.Builder
	for y := -quiet; y < code.Size+quiet; y += 2 {
		for x := -quiet; x < code.Size+quiet; x++ {
			upper, lower := light(x, y), light(x, y+1)
			switch {
			case upper && lower:
				b.WriteRune('█')
			case upper:
				b.WriteRune('▀')
			case lower:
				b.WriteRune('▄')
			default:
				b.WriteRune(' ')
			}
		}
		b.WriteByte('\n')
	}
	return b.String(), nil
}
