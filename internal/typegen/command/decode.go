package command

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/events/typed"
	"github.com/blockforger/eventrouter/fault"
)

// Decode prints events as the registry decodes them, a line of JSON each: the
// Go type, or "raw", what the type says of the event, and the event.
type Decode struct {
	Files []string `arg:"" help:"Files of events: an event, many, an archive, a Lambda payload, SQS messages." type:"existingfile"`
	// Registry is what events are decoded with.
	Registry *typed.Registry `kong:"-"`
}

// decoded is one line.
type decoded struct {
	File  string `json:"file"`
	Type  string `json:"type,omitzero"` // "raw" where no type is known; "" of a file
	Says  string `json:"says,omitzero"`
	Error string `json:"error,omitzero"`
	Event any    `json:"event,omitzero"`
}

// Run decodes. An event that does not fit its type is printed raw, with the
// reason; a file that cannot be read to its end has a line with the reason. Either
// makes the run fail after all other events and files are printed.
func (c Decode) Run(_ context.Context, out io.Writer) error {
	total, failed, unread := 0, 0, 0
	for _, file := range c.Files {
		deliveries, err := readEvents(file, c.Registry)
		for _, d := range deliveries {
			total++
			line := describe(d)
			line.File = file
			if d.Err != nil {
				failed++
			}
			if err := print(out, line); err != nil {
				return err
			}
		}
		if err != nil {
			unread++
			if err := print(out, decoded{File: file, Error: fault.MessageOf(err)}); err != nil {
				return err
			}
		}
	}
	if unread > 0 {
		return fault.Errorf(fault.Invalid, "%d of %d files could not be read to the end, and %d of %d events could not be decoded", unread, len(c.Files), failed, total)
	}
	if failed > 0 {
		return fault.Errorf(fault.Invalid, "%d of %d events could not be decoded", failed, total)
	}
	return nil
}

func print(out io.Writer, line decoded) error {
	text, err := json.Marshal(line, json.Deterministic(true))
	if err != nil {
		return fault.Wrap("command.Decode", fault.Internal, err)
	}
	_, err = out.Write(append(text, '\n'))
	return err
}

func describe(d typed.Delivery) decoded {
	line := decoded{Type: "raw"}
	if d.Err != nil {
		line.Error = fault.MessageOf(d.Err)
	}
	if d.Event == nil {
		return line
	}
	raw := d.Event.Raw()
	if d.Event == typed.Decoded(raw) {
		masked := *raw
		masked.Detail = maskKey(raw.Detail)
		line.Event = masked
		return line
	}
	line.Event = d.Event
	line.Type = typeName(d.Event)
	if s, ok := d.Event.(fmt.Stringer); ok {
		line.Says = s.String()
	}
	return line
}

// typeName is the detail's type as a Go program writes it.
func typeName(e typed.Decoded) string {
	name := strings.TrimPrefix(fmt.Sprintf("%T", e), "*typed.Event[")
	name = strings.TrimSuffix(name, "]")
	base, parameter, generic := strings.Cut(name, "[")
	base = base[strings.LastIndexByte(base, '/')+1:]
	if !generic {
		return base
	}
	return base + "[" + parameter[strings.LastIndexByte(parameter, '/')+1:]
}

// maskKey hides an API key in an event that no type knows: decoding is for
// looking at, and what is looked at ends up in logs.
func maskKey(detail jsontext.Value) jsontext.Value {
	var members struct {
		APIKey  *events.Secret `json:"api_key,omitzero"`
		Unknown jsontext.Value `json:",embed"`
	}
	if detail.Kind() != '{' || json.Unmarshal(detail, &members) != nil || members.APIKey == nil {
		return detail
	}
	masked, err := json.Marshal(members)
	if err != nil {
		return nil
	}
	return masked
}
