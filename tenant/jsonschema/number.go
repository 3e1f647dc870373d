package jsonschema

import (
	"bytes"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
)

// A decimal is the exact value of a JSON number: ±0.d₁d₂d₃… × 10^point. Neither
// the first nor the last digit is zero; zero has no digits.
type decimal struct {
	negative bool
	// digits is the part of the number's text from its first to its last digit
	// that is not zero. It may have a decimal point in it.
	digits []byte
	count  int // of digits, without a decimal point
	point  int
}

// parseDecimal reads a number that the parser has accepted.
func parseDecimal(s []byte) decimal {
	var d decimal
	if s[0] == '-' {
		d.negative = true
		s = s[1:]
	}
	exponent := 0
	if i := bytes.IndexAny(s, "eE"); i >= 0 {
		exponent, _ = strconv.Atoi(string(s[i+1:]))
		s = s[:i]
	}
	dot := bytes.IndexByte(s, '.')
	whole := dot // digits before the decimal point
	if dot < 0 {
		whole = len(s)
	}
	first := 0
	for first < len(s) && (s[first] == '0' || s[first] == '.') {
		first++
	}
	if first == len(s) {
		return decimal{}
	}
	last := len(s)
	for s[last-1] == '0' || s[last-1] == '.' {
		last--
	}
	d.digits = s[first:last]
	d.count = last - first
	d.point = exponent + whole - first
	if dot >= 0 && first > dot {
		d.point++ // the decimal point itself is not a digit
	}
	if first < dot && dot < last {
		d.count--
	}
	return d
}

func (d decimal) isZero() bool { return d.count == 0 }

// isInteger reports whether the value has no fraction.
func (d decimal) isInteger() bool { return d.count <= d.point || d.count == 0 }

// compare returns -1, 0 or 1 as a is less than, equal to or more than b.
func (a decimal) compare(b decimal) int {
	switch {
	case a.isZero() && b.isZero():
		return 0
	case a.isZero():
		return -b.sign()
	case b.isZero() || a.negative != b.negative:
		return a.sign()
	}
	return a.sign() * a.compareMagnitude(b)
}

func (d decimal) sign() int {
	switch {
	case d.isZero():
		return 0
	case d.negative:
		return -1
	}
	return 1
}

func (a decimal) compareMagnitude(b decimal) int {
	if a.point != b.point {
		if a.point < b.point {
			return -1
		}
		return 1
	}
	i, j := 0, 0
	for {
		x, atEnd := a.digit(&i)
		y, bEnds := b.digit(&j)
		switch {
		case atEnd && bEnds:
			return 0
		case atEnd || !bEnds && x < y:
			return -1
		case bEnds || x > y:
			return 1
		}
	}
}

// digit returns the digit at i and moves i behind it.
func (d decimal) digit(i *int) (digit byte, end bool) {
	if *i < len(d.digits) && d.digits[*i] == '.' {
		*i++
	}
	if *i >= len(d.digits) {
		return 0, true
	}
	*i++
	return d.digits[*i-1] - '0', false
}

// plainDigits returns the digits without a decimal point.
func (d decimal) plainDigits() string { return strings.Replace(string(d.digits), ".", "", 1) }

// A divisor is the value of multipleOf: digits × 10^exponent.
type divisor struct {
	text     decimal
	digits   *big.Int
	small    uint64 // the digits, where they fit 64 bits; else 0
	exponent int
}

func newDivisor(d decimal) divisor {
	digits, _ := new(big.Int).SetString(d.plainDigits(), 10)
	v := divisor{text: d, digits: digits, exponent: d.point - d.count}
	if digits.IsUint64() {
		v.small = digits.Uint64()
	}
	return v
}

// divides reports whether d is an integer multiple.
func (v divisor) divides(d decimal) bool {
	if d.isZero() {
		return true
	}
	shift := d.point - d.count - v.exponent
	if shift < 0 {
		// Digits that do not end in zero would have to be divisible by ten.
		return false
	}
	if v.small != 0 {
		rest, i := uint64(0), 0
		for {
			digit, end := d.digit(&i)
			if end {
				break
			}
			rest = mulMod(rest, 10, v.small, uint64(digit))
		}
		for power := uint64(10); rest != 0 && shift > 0; shift >>= 1 {
			if shift&1 == 1 {
				rest = mulMod(rest, power, v.small, 0)
			}
			power = mulMod(power, power, v.small, 0)
		}
		return rest == 0
	}
	n, _ := new(big.Int).SetString(d.plainDigits(), 10)
	power := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(shift)), v.digits)
	return n.Mul(n.Mod(n, v.digits), power).Mod(n, v.digits).Sign() == 0
}

// mulMod returns (x*y + plus) mod m.
func mulMod(x, y, m, plus uint64) uint64 {
	hi, lo := bits.Mul64(x%m, y)
	lo, carry := bits.Add64(lo, plus, 0)
	hi += carry
	_, rest := bits.Div64(hi%m, lo, m)
	return rest
}

// String writes the value without an exponent where it is not long.
func (d decimal) String() string {
	if d.isZero() {
		return "0"
	}
	digits := d.plainDigits()
	const most = 100
	switch {
	case d.point > most || d.point < -most:
		digits = "0." + digits + "e" + strconv.Itoa(d.point)
	case d.point <= 0:
		digits = "0." + strings.Repeat("0", -d.point) + digits
	case d.count <= d.point:
		digits += strings.Repeat("0", d.point-d.count)
	default:
		digits = digits[:d.point] + "." + digits[d.point:]
	}
	if d.negative {
		return "-" + digits
	}
	return digits
}
