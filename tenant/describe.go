package tenant

import (
	"encoding/json" // for Number alone, as in exact.go
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// describe says what would be right, in words that hold nothing of the value
// that is wrong: the library's own texts quote it.
func describe(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Type:
		return "must be " + article(strings.Join(k.Want, " or ")) + ", not " + article(k.Got)
	case *kind.Enum:
		return "must be one of " + literals(k.Want)
	case *kind.Const:
		return "must be " + literals([]any{k.Want})
	case *kind.Format:
		return "must be a valid " + k.Want
	case *kind.Pattern:
		return "must match the pattern " + k.Want
	case *kind.MinLength:
		return fmt.Sprintf("must have at least %s, not %d", plural(k.Want, "character"), k.Got)
	case *kind.MaxLength:
		return fmt.Sprintf("must have at most %s, not %d", plural(k.Want, "character"), k.Got)
	case *kind.Minimum:
		return "must be at least " + decimal(k.Want)
	case *kind.Maximum:
		return "must be at most " + decimal(k.Want)
	case *kind.ExclusiveMinimum:
		return "must be more than " + decimal(k.Want)
	case *kind.ExclusiveMaximum:
		return "must be less than " + decimal(k.Want)
	case *kind.MultipleOf:
		return "must be a multiple of " + decimal(k.Want)
	case *kind.MinItems:
		return fmt.Sprintf("must have at least %s, not %d", plural(k.Want, "item"), k.Got)
	case *kind.MaxItems:
		return fmt.Sprintf("must have at most %s, not %d", plural(k.Want, "item"), k.Got)
	case *kind.AdditionalItems:
		return fmt.Sprintf("has %s too many", plural(k.Count, "item"))
	case *kind.UniqueItems:
		return fmt.Sprintf("must not repeat an item, as items %d and %d do", k.Duplicates[0], k.Duplicates[1])
	case *kind.Contains:
		return "must hold an item of the kind that the schema asks for"
	case *kind.MinContains:
		return fmt.Sprintf("must hold at least %s of the kind that the schema asks for", plural(k.Want, "item"))
	case *kind.MaxContains:
		return fmt.Sprintf("must hold at most %s of the kind that the schema asks for", plural(k.Want, "item"))
	case *kind.MinProperties:
		return fmt.Sprintf("must have at least %s, not %d", propertyCount(k.Want), k.Got)
	case *kind.MaxProperties:
		return fmt.Sprintf("must have at most %s, not %d", propertyCount(k.Want), k.Got)
	case *kind.OneOf:
		if len(k.Subschemas) > 0 {
			return "must match exactly one of the schema's alternatives, not several"
		}
		return "must match one of the schema's alternatives"
	case *kind.AnyOf:
		return "must match one of the schema's alternatives"
	case *kind.Not:
		return "must not be what the schema excludes"
	case *kind.FalseSchema:
		return "is not allowed here"
	case *kind.RefCycle:
		return "cannot be checked: the schema refers to itself without end"
	}
	return "breaks the schema"
}

func article(noun string) string {
	if noun == "null" || noun == "" {
		return noun
	}
	if strings.ContainsRune("aeio", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

func propertyCount(n int) string {
	if n == 1 {
		return "1 property"
	}
	return strconv.Itoa(n) + " properties"
}

// literals shows values from the schema, as far as they fit on a line.
func literals(values []any) string {
	const most = 20
	var shown []string
	for i, v := range values {
		if i == most {
			shown = append(shown, "…")
			break
		}
		switch v := v.(type) {
		case nil:
			shown = append(shown, "null")
		case string:
			shown = append(shown, quoted(v))
		case bool:
			shown = append(shown, strconv.FormatBool(v))
		case json.Number:
			shown = append(shown, v.String())
		default:
			shown = append(shown, "a value that the schema gives")
		}
	}
	return strings.Join(shown, ", ")
}

// decimal writes a limit of the schema without rounding, where it has an end.
func decimal(r *big.Rat) string {
	digits, exact := r.FloatPrec()
	if !exact || digits > maxDigits {
		return r.RatString()
	}
	return r.FloatString(digits)
}
