package pidf_test

import (
	"fmt"
	"log"

	"rollcall/pidf"
)

func Example() {
	note, err := pidf.Parse(pidf.Append(nil, "Out for lunch"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(note)

	// Many programs show only plain letters and digits.
	fmt.Println(pidf.Showable("Back at 3!"))
	fmt.Println(pidf.Adapt("Back at 3!"))
	// Output:
	// Out for lunch
	// pidf: others cannot see this note: use only letters A-Z and a-z, digits, _ and blanks, not '!'
	// Back at 3
}
