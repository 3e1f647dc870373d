package pattern

import (
	"math"
	"strconv"
	"strings"
)

// A numericCompiler reads the operand of numeric.
type numericCompiler struct{ *compiler }

func (c numericCompiler) compile() (condition, error) {
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
func (c numericCompiler) comparisons() (numeric, error) {
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

func (c numericCompiler) upperBound(t token) (bound, error) {
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

func (c numericCompiler) operand(label string) (number, error) {
	t, err := c.next()
	if err != nil {
		return number{}, err
	}
	if t.kind != numberValue {
		return number{}, refuse("Value of %s must be numeric", label)
	}
	return newNumber(t.raw), nil
}

// check rejects a number that a comparison could not distinguish from its neighbours.
func (n number) check() error {
	if n.comparable {
		return nil
	}
	return refuse("Cannot compare number : %s", n.text)
}

// exactDigits is how many significant decimal digits any double keeps.
const exactDigits = 15

// comparableNumber returns the double that a JSON number is compared by. It reports
// false where the number is not the shortest decimal of its nearest double:
// such a number equals nothing but its own text.
func comparableNumber(text string) (float64, bool) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) {
		return 0, false
	}
	// Within the digits that a double keeps and away from both ends of its
	// range, the shortest decimal is the number itself.
	if len(text) <= exactDigits && (f == 0 && isZero(text) || math.Abs(f) >= 1e-290) {
		return f + 0, true // -0 becomes 0
	}
	if decimalOf(text) != decimalOf(strconv.FormatFloat(f, 'e', -1, 64)) {
		return 0, false
	}
	return f + 0, true
}

func isZero(text string) bool { return decimalOf(text).digits == "" }

// A decimal is a number in its one normal form: digits without zeros at either
// end, and the power of ten that the last of them stands for. Zero has no
// digits and no sign.
type decimal struct {
	negative bool
	digits   string
	exponent int64
}

// decimalOf normalizes the text of a JSON number. It never expands an exponent,
// so 1e999999999 costs what its text costs.
func decimalOf(text string) decimal {
	var d decimal
	text, d.negative = strings.CutPrefix(text, "-")
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		// An exponent past int64 saturates, which is unequal to any double's.
		d.exponent, _ = strconv.ParseInt(text[i+1:], 10, 64)
		text = text[:i]
	}
	whole, fraction, _ := strings.Cut(text, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	d.digits = strings.TrimRight(digits, "0")
	if d.digits == "" {
		return decimal{}
	}
	shift := int64(len(digits)-len(d.digits)) - int64(len(fraction))
	if d.exponent > math.MaxInt64-maxNumberLength || d.exponent < math.MinInt64+maxNumberLength {
		return d
	}
	d.exponent += shift
	return d
}
