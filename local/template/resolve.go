package template

import (
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/jsonerror"
)

// resolve replaces the intrinsic functions in a value. Numbers stay text.
func (t *resolver) resolve(v jsontext.Value) (jsontext.Value, error) {
	switch v.Kind() {
	case '{':
		var members map[string]jsontext.Value
		if err := json.Unmarshal(v, &members); err != nil {
			return nil, fault.Errorf(fault.Invalid, "%s", jsonerror.Describe(v, err))
		}
		if len(members) == 1 {
			for name, argument := range members {
				if name == "Ref" || strings.HasPrefix(name, "Fn::") {
					return t.call(name, argument)
				}
			}
		}
		return t.members(members)
	case '[':
		var elements, out []jsontext.Value
		if err := json.Unmarshal(v, &elements); err != nil {
			return nil, fault.Errorf(fault.Invalid, "%s", jsonerror.Describe(v, err))
		}
		for _, e := range elements {
			resolved, err := t.resolve(e)
			if err != nil {
				return nil, err
			}
			if resolved != nil {
				out = append(out, resolved)
			}
		}
		return json.Marshal(out)
	}
	return v, nil
}

// members resolves each member of an object.
func (t *resolver) members(members map[string]jsontext.Value) (jsontext.Value, error) {
	out := map[string]jsontext.Value{}
	for name, member := range members {
		resolved, err := t.resolve(member)
		if err != nil {
			return nil, err
		}
		if resolved != nil { // not AWS::NoValue
			out[name] = resolved
		}
	}
	return json.Marshal(out, json.Deterministic(true))
}

// text resolves a value that must be a string.
func (t *resolver) text(v jsontext.Value) (string, error) {
	resolved, err := t.resolve(v)
	if err != nil {
		return "", err
	}
	var s string
	if json.Unmarshal(resolved, &s) != nil {
		return "", fault.Errorf(fault.Invalid, "%.60s is not a string", v)
	}
	return s, nil
}

// call carries out one intrinsic function.
func (t *resolver) call(name string, argument jsontext.Value) (jsontext.Value, error) {
	var s string
	var err error
	switch name {
	case "Ref":
		if err = json.Unmarshal(argument, &s); err == nil {
			return t.ref(s)
		}
	case "Fn::GetAtt":
		var path []string
		if err = json.Unmarshal(argument, &path); err == nil && len(path) == 2 {
			s, err = t.attribute(path[0], path[1])
			return quote(s), err
		}
	case "Fn::Join":
		var parts []jsontext.Value
		if err = json.Unmarshal(argument, &parts); err == nil && len(parts) == 2 {
			s, err = t.join(parts[0], parts[1])
			return quote(s), err
		}
	case "Fn::Sub":
		s, err = t.substitute(argument)
		return quote(s), err
	default:
		return nil, fault.Errorf(fault.Invalid, "%s is not known here", name)
	}
	return nil, fault.Errorf(fault.Invalid, "%s: %.60s is not what it takes", name, argument)
}

func quote(s string) jsontext.Value {
	b, _ := jsontext.AppendQuote(nil, s)
	return b
}

func (t *resolver) ref(to string) (jsontext.Value, error) {
	switch to {
	case "AWS::Partition":
		return quote("aws"), nil
	case "AWS::Region":
		return quote(t.place.Region), nil
	case "AWS::AccountId":
		return quote(t.place.Account), nil
	case "AWS::URLSuffix":
		return quote("amazonaws.com"), nil
	case "AWS::NoValue":
		return nil, nil
	}
	if p, ok := t.parameters[to]; ok && p.Default != nil {
		return p.Default, nil
	}
	d, ok := t.resources[to]
	if !ok {
		return nil, fault.Errorf(fault.Invalid, "Ref %s leads nowhere", to)
	}
	name, err := t.name(to)
	if d.Type == "AWS::SQS::Queue" {
		name = t.place.QueueURL + "/" + t.place.Account + "/" + name
	}
	return quote(name), err
}

func (t *resolver) attribute(of, attribute string) (string, error) {
	if _, ok := t.resources[of]; !ok {
		return "", fault.Errorf(fault.Invalid, "Fn::GetAtt %s leads nowhere", of)
	}
	switch attribute {
	case "Arn":
		return t.arn(of)
	case "Name", "QueueName":
		return t.name(of)
	}
	return "", fault.Errorf(fault.Invalid, "Fn::GetAtt %s.%s is not known here", of, attribute)
}

func (t *resolver) join(separator, list jsontext.Value) (string, error) {
	by, err := t.text(separator)
	if err != nil {
		return "", err
	}
	resolved, err := t.resolve(list)
	if err != nil {
		return "", err
	}
	var parts []string
	if json.Unmarshal(resolved, &parts) != nil {
		return "", fault.Errorf(fault.Invalid, "Fn::Join of something else than strings")
	}
	return strings.Join(parts, by), nil
}

// substitute fills ${names} of a text; ${!x} stands for ${x}.
func (t *resolver) substitute(argument jsontext.Value) (string, error) {
	var given map[string]jsontext.Value
	var text string
	if argument.Kind() == '[' {
		var parts []jsontext.Value
		if json.Unmarshal(argument, &parts) != nil || len(parts) != 2 || json.Unmarshal(parts[1], &given) != nil {
			return "", fault.Errorf(fault.Invalid, "Fn::Sub: %.60s is not what it takes", argument)
		}
		argument = parts[0]
	}
	if json.Unmarshal(argument, &text) != nil {
		return "", fault.Errorf(fault.Invalid, "Fn::Sub: %.60s is not what it takes", argument)
	}
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "${")
		out.WriteString(before)
		if !found {
			return out.String(), nil
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return "", fault.Errorf(fault.Invalid, "Fn::Sub: a ${ has no end")
		}
		text = after
		value, err := t.variable(name, given)
		if err != nil {
			return "", err
		}
		out.WriteString(value)
	}
}

func (t *resolver) variable(name string, given map[string]jsontext.Value) (string, error) {
	if literal, ok := strings.CutPrefix(name, "!"); ok {
		return "${" + literal + "}", nil
	}
	if v, ok := given[name]; ok {
		return t.text(v)
	}
	if of, attribute, ok := strings.Cut(name, "."); ok {
		return t.attribute(of, attribute)
	}
	v, err := t.ref(name)
	if err != nil {
		return "", err
	}
	var s string
	if json.Unmarshal(v, &s) != nil {
		return "", fault.Errorf(fault.Invalid, "${%s} is not a string", name)
	}
	return s, nil
}
