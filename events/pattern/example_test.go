package pattern_test

import (
	"errors"
	"fmt"

	"github.com/blockforger/eventrouter/events/pattern"
)

func Example() {
	p, err := pattern.Compile([]byte(`{
		"source": [{"prefix": "shop."}],
		"detail": {"total": [{"numeric": [">", 100]}]}
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	event, err := pattern.Parse([]byte(`{"source": "shop.orders", "detail": {"total": 120.50}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Match(event))
	// Output: true
}

func ExampleCompile_refused() {
	_, err := pattern.Compile([]byte(`{"source": "shop"}`))
	fmt.Println(err)
	// Output: Event pattern is not valid. Reason: "source" must be an object or an array
}

// AWS's message of a refused pattern ends with the position of its parser.
func ExampleError_ServiceMessage() {
	_, err := pattern.Compile([]byte(`{"source": "shop"}`))
	if refusal, ok := errors.AsType[*pattern.Error](err); ok {
		fmt.Println(refusal.ServiceMessage())
	}
	// Output:
	// Event pattern is not valid. Reason: "source" must be an object or an array
	//  at [Source: (String)"{"source": "shop"}"; line: 1, column: 13]
}
