// Command all decodes one event, for a test of what it links.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/blockforger/eventrouter/events/aws"
)

func main() {
	data, err := io.ReadAll(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	event, err := aws.Registry().DecodeEvent(data)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("%T\n", event)
}
