package identity_test

import (
	"fmt"
	"os"

	"rollcall/identity"
)

// An archive, as users save and import it, is all that an account is.
func ExampleOpenArchive() {
	packed, err := os.ReadFile("testdata/archive-nopassword.gz")
	if err != nil {
		fmt.Println(err)
		return
	}
	archive, err := identity.OpenArchive(packed, identity.Password(""))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(identity.URI(archive.Account.ID()))
	fmt.Println("locked:", archive.Locked())
	// Output:
	// jami:e0dc35a83e68f2652857531bf5da31e47942e292
	// locked: false
}

// A device shows its chain, and that tells which account it belongs to.
func ExampleChain_Verify() {
	pem, err := os.ReadFile("testdata/ring_device.crt")
	if err != nil {
		fmt.Println(err)
		return
	}
	chain, err := identity.ParseChain(pem)
	if err != nil {
		fmt.Println(err)
		return
	}
	now := chain.Leaf().NotBefore // time.Now() elsewhere
	account, err := chain.Verify(now)
	fmt.Println(identity.URI(account), err)
	// Output:
	// jami:e0dc35a83e68f2652857531bf5da31e47942e292 <nil>
}
