package tenant

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/jsonerror"
	"github.com/blockforger/eventrouter/tenant/diag"
)

// ruleDecoder reads output rules from JSON in a file, token by token, so that each
// diagnostic has the position of its cause.
type ruleDecoder struct {
	*diag.Source
	dec    *jsontext.Decoder
	base   int // the offset of the JSON in the file
	tenant events.TenantID
	own    events.SchemaID // the schema of the rules; "" for the tenant's rules
	policy policy
}

// newRuleDecoder returns a decoder of value, which begins at offset base of the
// source.
func newRuleDecoder(t *diag.Source, base int, value string, id events.TenantID, own events.SchemaID, p policy) *ruleDecoder {
	return &ruleDecoder{Source: t, dec: jsontext.NewDecoder(bytes.NewBufferString(value)),
		base: base, tenant: id, own: own, policy: p}
}

// field is one value and the offset of its start.
type field struct {
	name  string
	value jsontext.Value
	at    int
}

// rules reads the array. It stops at malformed JSON and continues after other
// errors.
func (d *ruleDecoder) rules() []Rule {
	rules, err := d.array()
	if err != nil {
		d.malformed(err)
	}
	return rules
}

func (d *ruleDecoder) array() (rules []Rule, err error) {
	if _, err = d.dec.ReadToken(); err != nil {
		return nil, err
	}
	for d.dec.PeekKind() != ']' {
		if d.dec.PeekKind() == '{' {
			rule, err := d.rule()
			if err != nil {
				return rules, err
			}
			rules = append(rules, rule)
			continue
		}
		f, err := d.read("")
		if err != nil {
			return rules, err
		}
		d.Errorf(f.at, "an output rule must be an object, { … }")
	}
	_, err = d.dec.ReadToken()
	return rules, err
}

// read reads the next value.
func (d *ruleDecoder) read(name string) (field, error) {
	v, err := d.dec.ReadValue()
	if err != nil {
		return field{}, err
	}
	return field{name: name, value: v.Clone(), at: d.base + int(d.dec.InputOffset()) - len(v)}, nil
}

// rule reads one object and sets the defaults of absent members.
func (d *ruleDecoder) rule() (Rule, error) {
	if _, err := d.dec.ReadToken(); err != nil {
		return Rule{}, err
	}
	r := Rule{Bus: d.policy.defaultBus, Source: events.OutputSource, DetailType: defaultDetailType,
		at: d.base + int(d.dec.InputOffset()) - len("{")}
	found := len(d.Diagnostics)
	schemasAt := r.at
	r.detailTypeAt = r.at
	for d.dec.PeekKind() != '}' {
		name, err := d.read("")
		if err != nil {
			return r, err
		}
		f, err := d.read(unquote(name.value))
		if err != nil {
			return r, err
		}
		switch f.name {
		case "detail_type":
			r.detailTypeAt = f.at
		case "schema_names":
			schemasAt = f.at
		}
		d.set(&r, f, name.at)
	}
	if _, err := d.dec.ReadToken(); err != nil {
		return r, err
	}
	if len(d.Diagnostics) == found || !slices.ContainsFunc(d.Diagnostics[found:], func(f diag.Diagnostic) bool { return f.Fatal }) {
		d.checkDetailType(&r, r.detailTypeAt)
		d.checkSchemas(&r, schemasAt)
		d.checkBus(&r)
	}
	return r, nil
}

var ruleFields = []string{"eventbridge_arn", "source", "detail_type", "operations", "schema_names", "payload", "metadata"}

func (d *ruleDecoder) set(r *Rule, f field, nameAt int) {
	switch f.name {
	case "eventbridge_arn":
		if s, ok := d.stringValue(f); ok {
			bus, err := events.ParseBusARN(s)
			if err != nil {
				d.Errorf(f.at, "eventbridge_arn: %s", fault.MessageOf(err))
			}
			r.Bus = bus
		}
	case "source":
		if s, ok := d.stringValue(f); ok {
			d.checkSource(s, f.at)
			r.Source = s
		}
	case "detail_type":
		if s, ok := d.stringValue(f); ok {
			r.DetailType = s
		}
	case "operations":
		for _, e := range d.stringValues(f) {
			op, err := events.ParseWrite(e.name)
			if err != nil {
				d.Errorf(e.at, "%s", fault.MessageOf(err))
			}
			r.Operations = append(r.Operations, op)
		}
	case "schema_names":
		for _, e := range d.stringValues(f) {
			r.Schemas = append(r.Schemas, d.schemaName(e))
		}
	case "payload":
		s, ok := d.stringValue(f)
		if ok && s != "request" && s != "record" {
			d.Errorf(f.at, `payload must be "request" or "record", not %s`, diag.Quote(s))
		}
		r.Record = s == "record"
	case "metadata":
		if k := f.value.Kind(); k != 't' && k != 'f' {
			d.Errorf(f.at, "metadata must be true or false")
		}
		r.Metadata = f.value.Kind() == 't'
	default:
		d.Errorf(nameAt, "an output rule has no field %q%s; known are %s",
			f.name, diag.Suggest(f.name, ruleFields), strings.Join(ruleFields, ", "))
	}
}

func (d *ruleDecoder) schemaName(e field) events.SchemaID {
	name, had := strings.CutSuffix(e.name, ".json")
	if had {
		d.Warnf(e.at, "schema name %q ends with .json; write %q", e.name, name)
	}
	id, err := events.ParseSchemaID(name)
	if err != nil {
		d.Errorf(e.at, "schema_names: %s", fault.MessageOf(err))
	}
	return id
}

func (d *ruleDecoder) stringValue(f field) (string, bool) {
	if f.value.Kind() != '"' {
		d.Errorf(f.at, "%s must be a string", f.name)
		return "", false
	}
	return unquote(f.value), true
}

// stringValues reads an array of strings; the name of each field is the string.
func (d *ruleDecoder) stringValues(f field) []field {
	if f.value.Kind() != '[' {
		d.Errorf(f.at, "%s must be an array of strings", f.name)
		return nil
	}
	inner := ruleDecoder{Source: d.Source, dec: jsontext.NewDecoder(bytes.NewReader(f.value)), base: f.at}
	if _, err := inner.dec.ReadToken(); err != nil {
		return nil
	}
	var list []field
	for inner.dec.PeekKind() != ']' {
		e, err := inner.read(f.name)
		if err != nil {
			return nil // impossible: the value was read before
		}
		if s, ok := d.stringValue(e); ok {
			list = append(list, field{name: s, at: e.at})
		}
	}
	return list
}

// malformed adds an error of the JSON decoder.
func (d *ruleDecoder) malformed(err error) {
	at := d.base + int(d.dec.InputOffset())
	reason := "is not valid JSON"
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		at = d.base + int(syntax.ByteOffset)
		reason += ": " + jsonerror.Reason(syntax)
		if errors.Is(err, jsontext.ErrDuplicateName) {
			reason = "repeats a name in one object"
		}
	}
	d.Errorf(at, "eventbridge-output %s", reason)
}

func unquote(v jsontext.Value) string {
	s, _ := jsontext.AppendUnquote(nil, v)
	return string(s)
}
