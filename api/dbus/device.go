package dbus

import (
	"rollcall/daemon"
)

// Results of exportOnRing and revokeDevice (dbus spec 2.7).
const (
	exportNoNetwork = 2
	revokeNoDevice  = 2
)

func (f *face) devices() []handler {
	return []handler{
		{"getKnownRingDevices", f.getKnownRingDevices},
		{"exportOnRing", f.exportOnRing},
		{"revokeDevice", f.revokeDevice},
		{"revokeDevice", f.revokeDevice2026},
	}
}

func (f *face) getKnownRingDevices(id daemon.AccountID) map[string]string {
	return deviceNames(known(f.daemon.Devices(id)))
}

func deviceNames(devices []daemon.Device) map[string]string {
	names := make(map[string]string, len(devices))
	for _, device := range devices {
		names[device.ID.String()] = device.Name
	}
	return names
}

// exportOnRing refuses: devices are not linked through the DHT. Clients that
// wait for the end of it are told, too.
func (f *face) exportOnRing(id daemon.AccountID, _ string) bool {
	if _, err := f.daemon.Account(id); f.ok("exportOnRing", err) {
		f.emit(configurationSignal("exportOnRingEnded", string(id), int32(exportNoNetwork), ""))
	}
	return false
}

// revokeDevice refuses like exportOnRing, as if the device were unknown.
func (f *face) revokeDevice(id daemon.AccountID, _, device string) bool {
	if _, err := f.daemon.Account(id); f.ok("revokeDevice", err) {
		f.emit(configurationSignal("deviceRevocationEnded", string(id), device, int32(revokeNoDevice)))
	}
	return false
}

func (f *face) revokeDevice2026(id daemon.AccountID, device, _, _ string) bool {
	return f.revokeDevice(id, "", device)
}
