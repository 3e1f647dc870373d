package pattern

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
)

type shelfName uint8

const (
	shelfAny          shelfName = iota // no key: every leaf
	shelfExact                         // the leaf's raw text
	shelfNumber                        // a comparable number's bits
	shelfRange                         // the first bits of a comparable number
	shelfPrefix                        // the start of a string
	shelfSuffix                        // its end
	shelfInside                        // up to gramLength bytes within it
	shelfFolded                        // the folded string
	shelfFoldedPrefix                  // its start
	shelfFoldedSuffix                  // its end
	shelfAddress                       // the first digits of an IP address
	shelfCount
)

// gramLength is how many bytes of a literal inside a wildcard are looked up.
const gramLength = 4

// A probe is a shelf and a key.
type probe struct {
	shelf shelfName
	key   string
}

// A way is probes such that every leaf a condition holds for leads to one.
type way []probe

// waysOf returns the ways to file a condition, best first.
func waysOf(c condition) []way {
	switch c := c.(type) {
	case literal:
		return one(shelfExact, `"`+string(c)+`"`)
	case exactly:
		return one(shelfExact, `"`+string(c)+`"`)
	case keyword:
		return one(shelfExact, string(c.appendJSON(nil)))
	case number:
		if c.comparable {
			return one(shelfNumber, numberKey(c.value))
		}
		return one(shelfExact, c.text)
	case numeric:
		return []way{c.way()}
	case prefix:
		return one(shelfPrefix, string(c))
	case suffix:
		return one(shelfSuffix, string(c))
	case foldEqual:
		return one(shelfFolded, c.fold.folded())
	case foldPrefix:
		return one(shelfFoldedPrefix, c.fold.folded())
	case foldSuffix:
		return one(shelfFoldedSuffix, c.fold.folded())
	case address:
		return one(shelfAddress, c.digits)
	case block:
		return one(shelfAddress, commonPrefix(c.bottom, c.top))
	case wildcard:
		return c.ways()
	}
	return one(shelfAny, "")
}

func one(shelf shelfName, key string) []way { return []way{{{shelf, key}}} }

func commonPrefix(a, b string) string {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return a[:n]
}

func (c wildcard) ways() []way {
	last := len(c.literals) - 1
	if last == 0 {
		return one(shelfExact, `"`+c.literals[0]+`"`)
	}
	var ways []way
	if first := c.literals[0]; first != "" {
		ways = append(ways, way{{shelfPrefix, first}})
	}
	if end := c.literals[last]; end != "" {
		ways = append(ways, way{{shelfSuffix, end}})
	}
	for _, inner := range c.literals[1:last] {
		n := min(len(inner), gramLength)
		for i := 0; i+n <= len(inner); i++ {
			ways = append(ways, way{{shelfInside, inner[i : i+n]}})
		}
	}
	if len(ways) == 0 {
		return one(shelfAny, "")
	}
	slices.SortStableFunc(ways, func(a, b way) int { return len(b[0].key) - len(a[0].key) })
	return ways
}

// way files a range under the one or two blocks of numbers that share their
// first bits and cover it. Split where its ends part, a range fills at least
// half of each block, so few numbers lead there in vain.
func (c numeric) way() way {
	low, high := -math.MaxFloat64, math.MaxFloat64
	for _, b := range c {
		switch b.operator[0] {
		case '=':
			return way{{shelfNumber, numberKey(b.operand.value)}}
		case '>':
			low = b.operand.value
		default:
			high = b.operand.value
		}
	}
	l, h := orderedBits(low), orderedBits(high)
	shared := commonPrefix(l, h)
	if len(shared) == len(l) {
		return way{{shelfRange, shared}}
	}
	rest := len(l) - len(shared) - 1
	below := shared + "0" + strings.Repeat("1", rest)
	above := shared + "1" + strings.Repeat("0", rest)
	return way{{shelfRange, commonPrefix(l, below)}, {shelfRange, commonPrefix(above, h)}}
}

// orderedBits spells out a double such that the spellings of greater numbers
// are greater.
func orderedBits(f float64) string {
	bits := math.Float64bits(f)
	if f < 0 {
		bits = ^bits
	} else {
		bits |= 1 << 63
	}
	return fmt.Sprintf("%064b", bits)
}

func numberKey(f float64) string { return string(appendNumberKey(nil, f)) }

func appendNumberKey(b []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(b, math.Float64bits(f))
}
