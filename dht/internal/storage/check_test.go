package storage

type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// check holds the structures of a store against each other.
func check(t failer, s *Store) {
	t.Helper()
	checkLedger(t, &s.held, s.values.len())
	checkLedger(t, &s.heard, s.listeners.len())
	values, listeners, keys, bytes := 0, 0, 0, 0
	for k := uint32(1); k <= s.keys.used; k++ {
		r := s.keys.at(k)
		if r.hash.IsZero() {
			continue
		}
		keys++
		if s.findKey(&r.hash) != k {
			t.Fatalf("key %s is not in the index", r.hash.Short())
		}
		count, size, audience := 0, 0, 0
		for i := r.values; i != 0; {
			i = s.values.at(i).ring.next
			v := s.values.at(i)
			values++
			bytes += stretch(v.length())
			if v.key != k || s.findValue(k, v.id) != i || s.values.at(v.ring.next).ring.prev != i {
				t.Fatalf("value %d is out of place", v.id)
			}
			if s.unpack(i).ID != v.id {
				t.Fatalf("value %d has the content of %d", v.id, s.stored.ID)
			}
			if v.account != own {
				count++
				size += int(v.cost)
			}
			if i == r.values {
				break
			}
		}
		for i := range s.audience(k) {
			listeners++
			l := s.listeners.at(i)
			if l.watch == 0 {
				audience++
				if found := s.findListener(&Listen{Key: r.hash, Node: l.node, SID: l.sid}); found != i {
					t.Fatalf("listener %d is not in the index", l.sid)
				}
			}
		}
		if count != int(r.count) || size != int(r.size) || audience != int(r.audience) {
			t.Fatalf("key %s counts %d values of %d bytes, %d listeners; has %d of %d, %d",
				r.hash.Short(), r.count, r.size, r.audience, count, size, audience)
		}
		if r.values == 0 && r.listeners == 0 {
			t.Fatalf("key %s is empty", r.hash.Short())
		}
		if count > maxKeyValues || size > s.keyBytes || audience > maxKeyListeners {
			t.Fatalf("key %s is over a limit", r.hash.Short())
		}
	}
	if keys != s.keys.len() || values != s.values.len() || listeners != s.listeners.len() {
		t.Fatalf("%d keys, %d values, %d listeners in use; %d, %d, %d found",
			s.keys.len(), s.values.len(), s.listeners.len(), keys, values, listeners)
	}
	if bytes != s.data.inUse {
		t.Fatalf("log has %d bytes in use, values take %d", s.data.inUse, bytes)
	}
	checkLog(t, &s.data)
}

// checkLog holds a log to its bound.
func checkLog(t failer, l *log) {
	t.Helper()
	taken, inUse := 0, 0
	for i := range l.segments {
		if x := &l.segments[i]; x.data != nil {
			taken++
			inUse += x.inUse
		}
	}
	if taken != l.taken || inUse != l.inUse {
		t.Fatalf("log: %d segments with %d bytes in use; %d, %d found", l.taken, l.inUse, taken, inUse)
	}
	if 3*(l.taken-3)*segmentSize > 4*l.inUse {
		t.Fatalf("log: %d segments for %d bytes", l.taken, l.inUse)
	}
}

// checkLedger holds the books of a ledger against its n entries.
func checkLedger(t failer, l *ledger, n int) {
	t.Helper()
	entries, due, total := 0, 0, 0
	perNetwork := make(map[uint32]int)
	for at := uint32(1); at <= l.accounts.used; at++ {
		a := l.accounts.at(at)
		if len(a.entries) == 0 {
			continue
		}
		entries += len(a.entries)
		due++
		if l.due[a.due] != at {
			t.Fatalf("account %d is not where it says", at)
		}
		used := 0
		for place, i := range a.entries {
			e := l.entry(i)
			used += int(e.cost)
			if e.account != at || int(e.place) != place || e.expires < l.entry(a.entries[max(place-1, 0)/2]).expires {
				t.Fatalf("entry %d of account %d is out of place", i, at)
			}
		}
		if at == own {
			continue
		}
		if a.used != used+accountCost {
			t.Fatalf("account %d uses %d, books say %d", at, used+accountCost, a.used)
		}
		if l.byOrigin[a.origin] != at || l.byNetwork[a.origin.Network()] != a.network || a.used > l.originLimit {
			t.Fatalf("account %d is not in the index or over its limit", at)
		}
		perNetwork[a.network] += a.used
		total += a.used
	}
	if entries != n || due != len(l.due) || total != l.used || total > l.limit {
		t.Fatalf("%d entries in %d accounts use %d; want %d, %d, %d, at most %d", entries, due, total, n, len(l.due), l.used, l.limit)
	}
	if len(perNetwork) != len(l.biggest) || len(perNetwork) != len(l.byNetwork) {
		t.Fatalf("%d networks, %d ranked, %d in the index", len(perNetwork), len(l.biggest), len(l.byNetwork))
	}
	for i, used := range perNetwork {
		x := l.networks.at(i)
		if x.used != used || used > l.networkLimit {
			t.Fatalf("network %d uses %d, books say %d, limit %d", i, used, x.used, l.networkLimit)
		}
	}
	if len(l.biggest) > 0 {
		for _, i := range l.biggest {
			if l.networks.at(i).used > l.networks.at(l.biggest[0]).used {
				t.Fatalf("network %d is bigger than the biggest", i)
			}
			x := l.networks.at(i)
			for _, a := range x.accounts {
				if l.accounts.at(a).used > l.accounts.at(x.accounts[0]).used {
					t.Fatalf("account %d is bigger than the biggest of its network", a)
				}
			}
		}
	}
	for _, a := range l.due {
		if l.nextOf(a) < l.nextOf(l.due[0]) {
			t.Fatalf("account %d is due before the next one", a)
		}
	}
}

// drainPushes returns the queued pushes with slices of their own.
func drainPushes(s *Store) (pushes []Push) {
	for p := range s.Pushes() {
		for i, v := range p.Values {
			if i == 0 {
				p.Values = append([][]byte(nil), p.Values...)
			}
			p.Values[i] = append([]byte(nil), v...)
		}
		p.Refreshed = append([]uint64(nil), p.Refreshed...)
		p.Expired = append([]uint64(nil), p.Expired...)
		pushes = append(pushes, p)
	}
	return pushes
}
