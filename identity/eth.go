package identity

import (
	"encoding/hex"
	"fmt"
	"io"
	"math/big"

	"golang.org/x/crypto/sha3"
)

// ethKeySize is the length of a secp256k1 secret in bytes.
const ethKeySize = 32

// The curve secp256k1, y² = x³ + 7 over the field of ethP elements: its base
// point and the order of it (SEC 2, 2.4.1).
var (
	ethP, _  = new(big.Int).SetString("fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f", 16)
	ethN, _  = new(big.Int).SetString("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", 16)
	ethGx, _ = new(big.Int).SetString("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798", 16)
	ethGy, _ = new(big.Int).SetString("483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8", 16)
)

// newEthKey draws a secp256k1 secret: a number from 1 up to the order, without
// it.
func newEthKey(rand io.Reader) ([]byte, error) {
	key := make([]byte, ethKeySize)
	for {
		if _, err := io.ReadFull(rand, key); err != nil {
			return nil, fmt.Errorf("identity: cannot draw an eth key: %w", err)
		}
		if validEthKey(key) {
			return key, nil
		}
	}
}

func validEthKey(key []byte) bool {
	n := new(big.Int).SetBytes(key)
	return len(key) == ethKeySize && n.Sign() > 0 && n.Cmp(ethN) < 0
}

// ethAddress returns the address of a valid secret, 40 hexadecimal digits:
// Keccak-256 of the uncompressed public key, of which the last 20 bytes count.
//
// The address names the account to name servers and protects nothing; the
// arithmetic is plain and its time depends on the secret, so it must run only
// when a receipt is made and never be used to sign.
func ethAddress(key []byte) string {
	x, y := ethMultiply(new(big.Int).SetBytes(key))
	var point [2 * ethKeySize]byte
	x.FillBytes(point[:ethKeySize])
	y.FillBytes(point[ethKeySize:])
	h := sha3.NewLegacyKeccak256()
	h.Write(point[:])
	return hex.EncodeToString(h.Sum(nil)[12:])
}

// ethMultiply returns k times the base point, for 0 < k < ethN, by doubling and
// adding from the highest bit.
func ethMultiply(k *big.Int) (x, y *big.Int) {
	x, y = ethGx, ethGy
	for i := k.BitLen() - 2; i >= 0; i-- {
		// The tangent: 3x² / 2y.
		slope := new(big.Int).Mul(x, x)
		slope.Mul(slope, big.NewInt(3))
		x, y = ethThrough(slope, new(big.Int).Lsh(y, 1), x, y, x)
		if k.Bit(i) == 1 {
			// The chord. The two points are never the same or opposite, as the
			// multiple reached so far is even and below the order minus one.
			rise, run := new(big.Int).Sub(ethGy, y), new(big.Int).Sub(ethGx, x)
			x, y = ethThrough(rise, run, x, y, ethGx)
		}
	}
	return x, y
}

// ethThrough returns the third point, mirrored, of the line with slope rise/run
// through (x1, y1) and a point at x2.
func ethThrough(rise, run, x1, y1, x2 *big.Int) (x, y *big.Int) {
	slope := new(big.Int).ModInverse(run.Mod(run, ethP), ethP)
	slope.Mul(slope, rise).Mod(slope, ethP)
	x = new(big.Int).Mul(slope, slope)
	x.Sub(x, x1).Sub(x, x2).Mod(x, ethP)
	y = new(big.Int).Sub(x1, x)
	y.Mul(y, slope).Sub(y, y1).Mod(y, ethP)
	return x, y
}
