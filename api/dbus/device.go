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

// exportOnRing tells that it could not be done: devices are not linked through
// the DHT.
func (f *face) exportOnRing(id daemon.AccountID, _ string) bool {
	_, err := f.daemon.Account(id)
	if !f.ok("exportOnRing", err) {
		return false
	}
	f.emit(configurationSignal("exportOnRingEnded", string(id), int32(exportNoNetwork), ""))
	return true
}

// revokeDevice answers as for a device that is unknown: none is revoked.
func (f *face) revokeDevice(id daemon.AccountID, _, device string) bool {
	if _, err := f.daemon.Account(id); f.ok("revokeDevice", err) {
		f.emit(configurationSignal("deviceRevocationEnded", string(id), device, int32(revokeNoDevice)))
	}
	return false
}

func (f *face) revokeDevice2026(id daemon.AccountID, device, _, _ string) bool {
	return f.revokeDevice(id, "", device)
}
