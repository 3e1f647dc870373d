// Command one decodes one event, for a test of what it links.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/blockforger/eventrouter/events/aws/ecs"
	"github.com/blockforger/eventrouter/events/typed"
)

func main() {
	data, err := io.ReadAll(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	event, err := typed.NewRegistry(ecs.Events()).DecodeEvent(data)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("%T\n", event)
}
