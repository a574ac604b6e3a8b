// Package names asks name servers, which give accounts names: who has a name, and
// which name an account has.
//
// A name server speaks HTTP and JSON:
//
//	GET SERVER/name/NAME      200 {"name": NAME, "addr": "0x" and 40 hexadecimal digits}
//	GET SERVER/addr/ACCOUNT   200 {"name": NAME}
//	                          400: not a name or address; other 4xx: nobody has it
//
// It is believed: nothing in an answer proves that the account wanted the name.
package names
