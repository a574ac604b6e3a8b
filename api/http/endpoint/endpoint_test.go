package endpoint

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	dir := filepath.Join("/data", "rollcall")
	tests := []struct {
		address string
		want    Endpoint
	}{
		{"", Endpoint{"unix", filepath.Join(dir, socketName), ""}},
		{"unix:/run/r.sock", Endpoint{"unix", "/run/r.sock", ""}},
		{"127.0.0.1:8080", Endpoint{"tcp", "127.0.0.1:8080", filepath.Join(dir, tokenName)}},
		{"http://127.0.0.1:8080", Endpoint{"tcp", "127.0.0.1:8080", filepath.Join(dir, tokenName)}},
		{"[::1]:0", Endpoint{"tcp", "[::1]:0", filepath.Join(dir, tokenName)}},
	}
	for _, tt := range tests {
		got, err := Parse(tt.address, dir)
		if err != nil || got != tt.want {
			t.Errorf("Parse(%q) = %+v, %v, want %+v", tt.address, got, err, tt.want)
		}
		if again, err := Parse(got.String(), dir); err != nil || again != got {
			t.Errorf("Parse(%q) = %+v, %v, want %+v", got.String(), again, err, got)
		}
	}
	for _, bad := range []string{"unix:", "unix:" + strings.Repeat("x", maxSocketPath+1), "0.0.0.0:80", "192.0.2.1:80", "example.org:80", "127.0.0.1", "80", "x"} {
		if got, err := Parse(bad, dir); err == nil || !strings.Contains(err.Error(), "want") {
			t.Errorf("Parse(%q) = %+v, %v", bad, got, err)
		}
	}
}

func TestToken(t *testing.T) {
	at, err := Parse("127.0.0.1:0", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if token, err := at.Token(); err == nil {
		t.Fatalf("token %q before there is one", token)
	}
	made, err := at.MakeToken()
	if err != nil || len(made) < 26 {
		t.Fatalf("made %q, %v", made, err)
	}
	for _, read := range []func() (string, error){at.Token, at.MakeToken} {
		if token, err := read(); err != nil || token != made {
			t.Errorf("read %q, %v, want %q", token, err, made)
		}
	}
	if info, err := os.Stat(at.TokenFile); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := os.WriteFile(at.TokenFile, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if token, err := at.MakeToken(); err == nil {
		t.Errorf("an empty token is taken for %q", token)
	}
}
