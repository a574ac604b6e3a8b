package value

import (
	"crypto"
	"crypto/rsa"
	"fmt"
)

// RSAES-PKCS1-v1_5 is the only public-key encryption that all peers understand
// (opendht spec 8.2). What makes it deprecated is that a receiver may tell its
// sender whether the padding was valid; DecryptWith does not.
//
//lint:file-ignore SA1019 the wire format demands PKCS #1 v1.5

func encryptPKCS1(plain []byte, to *rsa.PublicKey) ([]byte, error) {
	// The source of randomness is the system's, whatever is passed.
	c, err := rsa.EncryptPKCS1v15(nil, to, plain)
	if err != nil {
		return nil, fmt.Errorf("value: encrypt with RSA: %w", err)
	}
	return c, nil
}

// decryptPKCS1 reports only whether it worked.
func decryptPKCS1(cypher []byte, key crypto.Decrypter) ([]byte, bool) {
	plain, err := key.Decrypt(nil, cypher, &rsa.PKCS1v15DecryptOptions{})
	return plain, err == nil
}
