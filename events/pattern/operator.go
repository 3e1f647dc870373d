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

// tooMany is what AWS says after numeric and after anything-but.
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
		return c.numeric()
	case "anything-but":
		return c.anythingBut()
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

func (c *compiler) numeric() (condition, error) {
	t, err := c.next()
	if err != nil {
		return nil, err
	}
	if t.kind != arrayStart {
		return nil, refuse("Value of numeric must be an array.")
	}
	n, err := c.comparisons()
	if err != nil {
		return nil, err
	}
	return n, c.closing(1, tooMany)
}

// comparisons reads the list of a numeric whose bracket is read. Operands are
// checked last, as AWS does.
func (c *compiler) comparisons() (numeric, error) {
	t, err := c.next()
	if err != nil {
		return nil, err
	}
	if t.kind != stringValue {
		return nil, refuseText("Invalid member in numeric match: %s", t.text())
	}
	first := bound{operator: t.text()}
	label := first.operator
	switch first.operator {
	case "=":
		label = "equals"
	case "<", "<=", ">", ">=":
	default:
		if _, err := c.next(); err != nil {
			return nil, err
		}
		return nil, refuse("Unrecognized numeric range operator: %s", first.operator)
	}
	if first.operand, err = c.operand(label); err != nil {
		return nil, err
	}
	if t, err = c.next(); err != nil {
		return nil, err
	}
	if t.kind == arrayEnd {
		return numeric{first}, first.operand.check()
	}
	if first.operator[0] != '>' {
		return nil, refuse(tooMany)
	}
	second, err := c.upperBound(t)
	if err != nil {
		return nil, err
	}
	if err := first.operand.check(); err != nil {
		return nil, err
	}
	if err := second.operand.check(); err != nil {
		return nil, err
	}
	if first.operand.value >= second.operand.value {
		return nil, refuse("Bottom must be less than top")
	}
	return numeric{first, second}, nil
}

func (c *compiler) upperBound(t token) (bound, error) {
	if t.kind != stringValue {
		return bound{}, refuseText("Bad value in numeric range: %s", t.text())
	}
	b := bound{operator: t.text()}
	if b.operator != "<" && b.operator != "<=" {
		return b, refuseText("Bad numeric range operator: %s", b.operator)
	}
	var err error
	if b.operand, err = c.operand(b.operator); err != nil {
		return b, err
	}
	end, err := c.next()
	if err == nil && end.kind != arrayEnd {
		err = refuse("Too many terms in numeric range expression")
	}
	return b, err
}

func (c *compiler) operand(label string) (number, error) {
	t, err := c.next()
	if err != nil {
		return number{}, err
	}
	if t.kind != numberValue {
		return number{}, refuse("Value of %s must be numeric", label)
	}
	return newNumber(t.raw), nil
}

// check refuses a number that comparing could not tell from its neighbours.
func (n number) check() error {
	if n.comparable {
		return nil
	}
	return refuse("Cannot compare number : %s", n.text)
}

func (c *compiler) anythingBut() (condition, error) {
	t, err := c.next()
	if err != nil {
		return nil, err
	}
	operator, closing := "", 1
	if t.kind == objectStart {
		if t, err = c.next(); err != nil {
			return nil, err
		}
		if t.kind != fieldName {
			return nil, refuse("Anything-But expression name not found")
		}
		switch operator = t.text(); operator {
		case "prefix", "suffix", "equals-ignore-case", "wildcard":
			closing = 2
		default:
			return nil, refuse("Unsupported anything-but pattern: %s", operator)
		}
		if t, err = c.next(); err != nil {
			return nil, err
		}
	}
	var list []condition
	switch t.kind {
	case arrayStart:
		list, err = c.excludedList(operator)
	case stringValue, numberValue:
		var one condition
		one, err = c.excluded(operator, t)
		list = []condition{one}
	default:
		return nil, refuse("Value of anything-but must be an array or single string/number value.")
	}
	if err != nil {
		return nil, err
	}
	if operator == "wildcard" {
		if err := parseWildcards(list); err != nil {
			return nil, err
		}
	}
	return anythingBut{operator, list}, c.closing(closing, tooMany)
}

// parseWildcards completes the wildcards of a list, after it is known to hold
// strings only, since that is what AWS looks at first.
func parseWildcards(list []condition) error {
	for i, e := range list {
		w, err := newWildcard(e.(wildcard).text)
		if err != nil {
			return err
		}
		list[i] = w
	}
	return nil
}

func (c *compiler) excludedList(operator string) ([]condition, error) {
	var list []condition
	strings, numbers := false, false
	c.repeated = true
	for {
		t, err := c.next()
		if err != nil {
			return nil, err
		}
		if t.kind == arrayEnd {
			break
		}
		one, err := c.excluded(operator, t)
		if err != nil {
			return nil, err
		}
		strings = strings || t.kind == stringValue
		numbers = numbers || t.kind == numberValue
		list = append(list, one)
	}
	c.repeated = false
	if operator == "" && strings == numbers {
		return nil, refuse("Inside anything but list, either all values are number or string, mixed type is not supported")
	}
	if len(list) == 0 {
		// AWS's grammar lets this pass and its engine then fails on it.
		return nil, refuse("Empty arrays are not allowed")
	}
	return list, nil
}

func (c *compiler) excluded(operator string, t token) (condition, error) {
	if operator == "" && t.kind == numberValue {
		n := newNumber(t.raw)
		err := n.check()
		if err != nil {
			c.repeated = false // AWS's engine finds it after reading, and reports it once
		}
		return n, err
	}
	if t.kind != stringValue {
		switch operator {
		case "":
			return nil, refuse("Inside anything but list, start|null|boolean is not supported.")
		case "equals-ignore-case":
			return nil, refuse("Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.")
		case "wildcard":
			return nil, refuse(wildcardNotString)
		default:
			return nil, refuse("prefix/suffix match pattern must be a string")
		}
	}
	s := t.text()
	switch operator {
	case "equals-ignore-case":
		return foldEqual{s, newFold(s)}, nil
	case "wildcard":
		return wildcard{text: s}, nil
	case "":
		return literal(s), nil
	}
	if s == "" {
		return nil, refuseText("Null prefix/suffix not allowed")
	}
	if operator == "prefix" {
		return prefix(s), nil
	}
	return suffix(s), nil
}
