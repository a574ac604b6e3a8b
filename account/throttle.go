package account

import (
	"crypto"
	"io"
	"sync"
	"time"

	"rollcall/dht"
	"rollcall/identity"
)

// throttled is a device whose decryptions are bounded in rate: what strangers put
// at its inbox may cost no more than a part of one core (threat A6).
type throttled struct {
	*identity.Device

	mu     sync.Mutex
	free   time.Duration // work saved up, in the time that it may take
	filled time.Time
}

func throttle(d *identity.Device) dht.PrivateKey {
	return &throttled{Device: d, free: decryptBurst * period}
}

// period is the time that one decryption costs of the saved one.
const period = time.Second / decryptRate

// Decrypt is that of the device, after a wait when there were too many.
func (t *throttled) Decrypt(rand io.Reader, msg []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	if wait := t.reserve(time.Now()); wait > 0 {
		time.Sleep(wait)
	}
	return t.Device.Decrypt(rand, msg, opts)
}

// reserve takes the time of one decryption and returns how long to wait for it.
func (t *throttled) reserve(now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.filled.IsZero() {
		t.free = min(t.free+now.Sub(t.filled), decryptBurst*period)
	}
	t.filled = now
	t.free -= period
	return max(0, -t.free)
}
