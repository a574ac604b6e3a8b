package routing

import (
	"net/netip"
	"testing"
)

func TestMartian(t *testing.T) {
	tests := []struct {
		addr string
		want bool
	}{
		{"1.2.3.4:4222", false},
		{"1.2.3.4:0", true},
		{"0.1.2.3:4222", true},
		{"223.255.255.254:1", false},
		{"224.0.0.1:4222", true},
		{"255.255.255.255:4222", true},
		{"127.0.0.1:4222", false},
		{"10.0.0.1:4222", false},
		{"169.254.1.1:4222", false},
		{"[2001:db8::1]:4222", false},
		{"[2001:db8::1]:0", true},
		{"[::]:4222", true},
		{"[::1]:4222", false},
		{"[::ffff:1.2.3.4]:4222", true},
		{"[ff02::1]:4222", true},
		{"[fe80::1]:4222", true},
		{"[fe80::1%eth0]:4222", false},
		{"[fd00::1]:4222", false},
	}
	for _, tt := range tests {
		if got := Martian(netip.MustParseAddrPort(tt.addr)); got != tt.want {
			t.Errorf("Martian(%s) = %v, want %v", tt.addr, got, tt.want)
		}
	}
	if !Martian(netip.AddrPort{}) {
		t.Error("the zero AddrPort is not martian")
	}
}

func TestRelative(t *testing.T) {
	tests := []struct{ addr, sender, want string }{
		{"1.2.3.4:1", "9.9.9.9:9", "1.2.3.4:1"},
		{"127.0.0.1:1", "9.9.9.9:9", "9.9.9.9:1"},
		{"127.0.0.1:1", "127.0.0.5:9", "127.0.0.1:1"},
		{"[::1]:1", "[2001:db8::9]:9", "[2001:db8::9]:1"},
		{"[::1]:1", "127.0.0.1:9", "[::1]:1"},
		{"[::1]:1", "9.9.9.9:9", ""},
		{"127.0.0.1:1", "[2001:db8::9]:9", ""},
	}
	for _, tt := range tests {
		var want netip.AddrPort
		if tt.want != "" {
			want = netip.MustParseAddrPort(tt.want)
		}
		got := Relative(netip.MustParseAddrPort(tt.addr), netip.MustParseAddrPort(tt.sender))
		if got != want {
			t.Errorf("Relative(%s, %s) = %s, want %s", tt.addr, tt.sender, got, tt.want)
		}
	}
	if !Martian(Relative(netip.MustParseAddrPort("[::1]:1"), netip.MustParseAddrPort("9.9.9.9:9"))) {
		t.Error("an address that means nothing here is not martian")
	}
}

func TestNetwork(t *testing.T) {
	tests := []struct{ addr, want string }{
		{"1.2.3.4", "1.2.3.0/24"},
		{"2001:db8:1:2::3", "2001:db8:1::/48"},
		{"10.1.2.3", ""},
		{"192.168.1.1", ""},
		{"127.0.0.1", ""},
		{"169.254.0.1", ""},
		{"::1", ""},
		{"fd00::1", ""},
		{"fe80::1%eth0", ""},
	}
	for _, tt := range tests {
		got, ok := Network(netip.MustParseAddr(tt.addr))
		if ok != (tt.want != "") || ok && got.String() != tt.want {
			t.Errorf("Network(%s) = %v, %v, want %s", tt.addr, got, ok, tt.want)
		}
	}
}
