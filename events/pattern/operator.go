package pattern

// conditions reads the list of a field whose bracket is read.
func (c *compiler) conditions() ([]condition, error) {
	var list []condition
	for {
		t, err := c.next()
		if err != nil {
			return nil, err
		}
		if t.kind == arrayEnd {
			break
		}
		one, err := c.condition(t)
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	if len(list) == 0 {
		return nil, refuse("Empty arrays are not allowed")
	}
	return list, nil
}

func (c *compiler) condition(t token) (condition, error) {
	switch t.kind {
	case objectStart:
		return c.expression()
	case stringValue:
		if looksLikeIP(t.text()) {
			if digits, ok := parseIP(t.text()); ok {
				return address{t.text(), digits}, nil
			}
		}
		return literal(t.text()), nil
	case numberValue:
		return newNumber(t.raw), nil
	case trueValue, falseValue, nullValue:
		return keyword{t.kind}, nil
	}
	return nil, refuse("Match value must be String, number, true, false, or null")
}

const oneKey = "Only one key allowed in match expression"

// tooMany is AWS's message after numeric and after anything-but.
const tooMany = "Too many elements in numeric expression"

// expression reads {"operator": operand} whose brace is read.
func (c *compiler) expression() (condition, error) {
	name, err := c.next()
	if err != nil {
		return nil, err
	}
	if name.kind != fieldName {
		return nil, refuse("Match expression name not found")
	}
	switch operator := name.text(); operator {
	case "exactly":
		s, err := c.onlyString("exact match pattern must be a string")
		return exactly(s), err
	case "prefix", "suffix":
		return c.affix(operator)
	case "equals-ignore-case":
		s, err := c.onlyString("equals-ignore-case match pattern must be a string")
		return foldEqual{s, newFold(s)}, err
	case "wildcard":
		return c.wildcard()
	case "cidr":
		return c.cidr()
	case "numeric":
		return numericCompiler{c}.compile()
	case "anything-but":
		return anythingButCompiler{compiler: c}.compile()
	case "exists":
		return c.exists()
	default:
		return nil, refuse("Unrecognized match type %s", operator)
	}
}

// closing reads n closing braces.
func (c *compiler) closing(n int, otherwise string) error {
	for range n {
		t, err := c.next()
		if err != nil {
			return err
		}
		if t.kind != objectEnd {
			return refuse("%s", otherwise)
		}
	}
	return nil
}

func (c *compiler) string(otherwise string) (string, error) {
	t, err := c.next()
	if err != nil {
		return "", err
	}
	if t.kind != stringValue {
		return "", refuse("%s", otherwise)
	}
	return t.text(), nil
}

// onlyString reads a string operand and the brace that ends the expression.
func (c *compiler) onlyString(otherwise string) (string, error) {
	s, err := c.string(otherwise)
	if err != nil {
		return "", err
	}
	return s, c.closing(1, oneKey)
}

func (c *compiler) affix(operator string) (condition, error) {
	t, err := c.next()
	if err != nil {
		return nil, err
	}
	if t.kind == objectStart {
		return c.foldedAffix(operator)
	}
	if t.kind != stringValue {
		return nil, refuse("%s match pattern must be a string", operator)
	}
	if err := c.closing(1, oneKey); err != nil {
		return nil, err
	}
	if operator == "prefix" {
		return prefix(t.text()), nil
	}
	return suffix(t.text()), nil
}

func (c *compiler) foldedAffix(operator string) (condition, error) {
	label := "Prefix"
	if operator == "suffix" {
		label = "Suffix"
	}
	t, err := c.next()
	if err != nil {
		return nil, err
	}
	if t.kind != fieldName {
		return nil, refuse("%s expression name not found", label)
	}
	if t.text() != "equals-ignore-case" {
		return nil, refuse("Unsupported %s pattern: %s", operator, t.text())
	}
	s, err := c.string("equals-ignore-case match pattern must be a string")
	if err != nil {
		return nil, err
	}
	if err := c.closing(2, oneKey); err != nil {
		return nil, err
	}
	if operator == "prefix" {
		return foldPrefix{s, newFold(s)}, nil
	}
	return foldSuffix{s, newFold(s)}, nil
}

const wildcardNotString = "wildcard match pattern must be a string"

func newWildcard(s string) (condition, error) {
	literals, reason := parseWildcard(s)
	if reason != "" {
		return nil, refuseText("%s", reason)
	}
	return wildcard{s, literals}, nil
}

func (c *compiler) wildcard() (condition, error) {
	s, err := c.string(wildcardNotString)
	if err != nil {
		return nil, err
	}
	w, err := newWildcard(s)
	if err != nil {
		return nil, err
	}
	return w, c.closing(1, oneKey)
}

func (c *compiler) cidr() (condition, error) {
	s, err := c.string("prefix match pattern must be a string") // AWS's own slip
	if err != nil {
		return nil, err
	}
	bottom, top, reason := parseCIDR(s)
	if reason != "" {
		return nil, refuseWhole("%s", reason)
	}
	return block{s, bottom, top}, c.closing(1, oneKey)
}

func (c *compiler) exists() (condition, error) {
	t, err := c.next()
	if err != nil {
		return nil, err
	}
	if t.kind != trueValue && t.kind != falseValue {
		return nil, refuse("exists match pattern must be either true or false.")
	}
	if err := c.closing(1, oneKey); err != nil {
		return nil, err
	}
	if t.kind == trueValue {
		return exists{}, nil
	}
	return absent{}, nil
}
