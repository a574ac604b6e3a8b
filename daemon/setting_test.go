package daemon

import (
	"errors"
	"reflect"
	"testing"
)

// TestForms: whatever the type of a setting, it takes its default and refuses what is
// none of its values.
func TestForms(t *testing.T) {
	t.Parallel()
	for key, usual := range template {
		if err := checkSetting(key, usual); err != nil {
			t.Errorf("the default: %v", err)
		}
		if err := checkSetting(key, "a\x00b"); err == nil {
			t.Errorf("%s takes a value that no client can be sent", key)
		}
	}
	tests := []struct {
		key         string
		good, wrong []string
	}{
		{"Account.autoAnswer", []string{"true", "false"}, []string{"", "1", "True", "maybe"}},
		{"Account.activeCallLimit", []string{"-1", "0", "5"}, []string{"", "-2", "many", "5.5"}},
		{"Account.dtmfType", []string{"sipinfo"}, []string{"", "loud"}},
		{"Account.videoPortMin", []string{"1", "65535"}, []string{"", "0", "65536", "-1", "x"}},
		{"DHT.port", []string{"0", "4222"}, []string{"", "65536", "many"}},
		{keyHostname, []string{"", "a", "a;b:4222"}, []string{"a:0", "http://a"}},
		{keyNameServer, []string{"", "ns.example", "http://localhost:3000/names"}, []string{"ftp://ns.example", "https://", "a b"}},
		{keyPublic, []string{"", "203.0.113.1", "2001:db8::1"}, []string{"here.example", "203.0.113"}},
		{keyRelayServer, []string{"", "turn.example", "[2001:db8::1]:3478"}, []string{"turn.example:0", "a:b:c"}},
		{"Account.ringtonePath", []string{"", "ünï"}, []string{"\xff"}},
	}
	for _, tt := range tests {
		for _, value := range tt.good {
			if err := checkSetting(tt.key, value); err != nil {
				t.Error(err)
			}
		}
		for _, value := range tt.wrong {
			var invalid *InvalidError
			if err := checkSetting(tt.key, value); !errors.As(err, &invalid) || invalid.Field != tt.key || invalid.Value != value || invalid.Want == "" {
				t.Errorf("%s = %q: %v", tt.key, value, err)
			}
		}
	}
}

func TestSettable(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		given Details
		want  Details // nil: refused
	}{
		{"known", Details{keyDisplayName: "a"}, Details{keyDisplayName: "a"}},
		{"unknown and read-only", Details{"x": "y", keyUsername: "z", keyInvisible: "true"}, Details{}},
		{"enable", Details{keyEnable: "maybe"}, nil},
		{"hosts", Details{keyHostname: "a;b:4222"}, Details{keyHostname: "a;b:4222"}},
		{"bad port", Details{keyHostname: "a:99999"}, nil},
		{"a URL", Details{keyHostname: "http://a"}, nil},
		{"wrong, without which an account can be", Details{keyUPnP: "maybe", "DHT.port": "many", keyDeviceName: "b"}, Details{keyDeviceName: "b"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := settable(tt.given)
			var invalid *InvalidError
			if tt.want == nil && !errors.As(err, &invalid) || tt.want != nil && (err != nil || !reflect.DeepEqual(got, tt.want)) {
				t.Errorf("settable = %v, %v; want %v", got, err, tt.want)
			}
		})
	}
}

func TestCheckChanges(t *testing.T) {
	t.Parallel()
	present := Details{keyUsername: "me", keyHasPassword: "false", "Account.dtmfType": "of old"}
	tests := []struct {
		name    string
		changes Details
		refused string // field of the error, or ""
	}{
		{"nothing", nil, ""},
		{"a setting", Details{keyDisplayName: "a", keyUPnP: "false"}, ""},
		{"read-only, as it is", Details{keyUsername: "me", keyHasPassword: "false"}, ""},
		{"read-only", Details{keyDisplayName: "a", keyUsername: "you"}, keyUsername},
		{"unknown", Details{"Account.colour": "red"}, "setting"},
		{"private", Details{keyInvisible: "true"}, "setting"},
		{"no switch", Details{keyUPnP: "maybe"}, keyUPnP},
		{"wrong, as it is", Details{"Account.dtmfType": "of old"}, ""},
		{"wrong", Details{"Account.dtmfType": "new"}, "Account.dtmfType"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := CheckChanges(present, tt.changes)
			var invalid *InvalidError
			if tt.refused == "" && err != nil || tt.refused != "" && (!errors.As(err, &invalid) || invalid.Field != tt.refused) {
				t.Errorf("CheckChanges = %v, want %q refused", err, tt.refused)
			}
		})
	}
}
