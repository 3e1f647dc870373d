package pattern

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
)

type tableKind uint8

const (
	tableAny          tableKind = iota // no key: every leaf
	tableExact                         // the leaf's raw text
	tableNumber                        // a comparable number's bits
	tableRange                         // the first bits of a comparable number
	tablePrefix                        // the start of a string
	tableSuffix                        // its end
	tableSubstring                     // up to gramLength bytes within it
	tableFolded                        // the folded string
	tableFoldedPrefix                  // its start
	tableFoldedSuffix                  // its end
	tableAddress                       // the first digits of an IP address
	tableCount
)

// gramLength is the number of bytes of a literal inside a wildcard that are looked up.
const gramLength = 4

// An indexKey is a key in one of the tables of a path.
type indexKey struct {
	table tableKind
	key   string
}

// indexKeys are keys such that every leaf that meets a condition is found under one of them.
type indexKeys []indexKey

// indexKeysOf returns the sets of keys under which a condition can be indexed,
// best first.
func indexKeysOf(c condition) []indexKeys {
	switch c := c.(type) {
	case literal:
		return singleKey(tableExact, `"`+string(c)+`"`)
	case exactly:
		return singleKey(tableExact, `"`+string(c)+`"`)
	case keyword:
		return singleKey(tableExact, string(c.appendJSON(nil)))
	case number:
		if c.comparable {
			return singleKey(tableNumber, numberKey(c.value))
		}
		return singleKey(tableExact, c.text)
	case numeric:
		return []indexKeys{c.indexKeys()}
	case prefix:
		return singleKey(tablePrefix, string(c))
	case suffix:
		return singleKey(tableSuffix, string(c))
	case foldEqual:
		return singleKey(tableFolded, c.fold.folded())
	case foldPrefix:
		return singleKey(tableFoldedPrefix, c.fold.folded())
	case foldSuffix:
		return singleKey(tableFoldedSuffix, c.fold.folded())
	case address:
		return singleKey(tableAddress, c.digits)
	case block:
		return singleKey(tableAddress, commonPrefix(c.bottom, c.top))
	case wildcard:
		return c.indexKeys()
	}
	return singleKey(tableAny, "")
}

func singleKey(table tableKind, key string) []indexKeys { return []indexKeys{{{table, key}}} }

func commonPrefix(a, b string) string {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return a[:n]
}

func (c wildcard) indexKeys() []indexKeys {
	last := len(c.literals) - 1
	if last == 0 {
		return singleKey(tableExact, `"`+c.literals[0]+`"`)
	}
	var sets []indexKeys
	if first := c.literals[0]; first != "" {
		sets = append(sets, indexKeys{{tablePrefix, first}})
	}
	if end := c.literals[last]; end != "" {
		sets = append(sets, indexKeys{{tableSuffix, end}})
	}
	for _, inner := range c.literals[1:last] {
		n := min(len(inner), gramLength)
		for i := 0; i+n <= len(inner); i++ {
			sets = append(sets, indexKeys{{tableSubstring, inner[i : i+n]}})
		}
	}
	if len(sets) == 0 {
		return singleKey(tableAny, "")
	}
	slices.SortStableFunc(sets, func(a, b indexKeys) int { return len(b[0].key) - len(a[0].key) })
	return sets
}

// indexKeys returns the one or two blocks of numbers that share their first bits
// and cover the range. Split where the bits of its ends differ, a range fills at
// least half of each block, so that few numbers are looked up without a match.
func (c numeric) indexKeys() indexKeys {
	low, high := -math.MaxFloat64, math.MaxFloat64
	for _, b := range c {
		switch b.operator[0] {
		case '=':
			return indexKeys{{tableNumber, numberKey(b.operand.value)}}
		case '>':
			low = b.operand.value
		default:
			high = b.operand.value
		}
	}
	l, h := orderedBits(low), orderedBits(high)
	shared := commonPrefix(l, h)
	if len(shared) == len(l) {
		return indexKeys{{tableRange, shared}}
	}
	rest := len(l) - len(shared) - 1
	below := shared + "0" + strings.Repeat("1", rest)
	above := shared + "1" + strings.Repeat("0", rest)
	return indexKeys{{tableRange, commonPrefix(l, below)}, {tableRange, commonPrefix(above, h)}}
}

// orderedBits encodes a double as binary digits that sort as the numbers do.
func orderedBits(f float64) string { return string(appendOrderedBits(nil, f)) }

func appendOrderedBits(b []byte, f float64) []byte {
	bits := math.Float64bits(f)
	if f < 0 {
		bits = ^bits
	} else {
		bits |= 1 << 63
	}
	for i := 63; i >= 0; i-- {
		b = append(b, '0'+byte(bits>>i&1))
	}
	return b
}

func numberKey(f float64) string { return string(appendNumberKey(nil, f)) }

func appendNumberKey(b []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(b, math.Float64bits(f))
}
