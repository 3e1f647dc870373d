package pattern

import (
	"math"
	"strconv"
	"strings"
)

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
