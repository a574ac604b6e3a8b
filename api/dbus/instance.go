package dbus

func (f *face) instance() []handler {
	return []handler{
		{"Register", f.register},
		{"Unregister", f.unregister},
	}
}

// register and unregister count clients; who they say they are does not matter
// (dbus spec 1). A client that just leaves the bus stays counted.
func (f *face) register(_ int32, _ string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.clients++
}

func (f *face) unregister(_ int32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.clients--
	if f.clients <= 0 && !f.persistent && !f.isEnded {
		f.isEnded = true
		close(f.ended)
	}
}

// video answers for the camera that clients ask for and we do not have: they do
// not take an empty answer (dbus spec 4).
func video() []handler {
	return []handler{
		{"getSettings", func(device string) map[string]string {
			return map[string]string{
				"id": device, "name": device, "input": device, "channel": "", "rate": "30", "size": "0x0",
			}
		}},
	}
}
