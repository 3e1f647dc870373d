package jsonschema

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
)

// equal reports whether two values are equal by the rules of JSON Schema:
// numbers by their value, objects regardless of order.
func equal(r *run, a *document, x int32, b *document, y int32) bool {
	v, w := &a.nodes[x], &b.nodes[y]
	if v.kind != w.kind || v.count != w.count {
		return false
	}
	switch v.kind {
	case kindString:
		s, t := a.str(x), b.str(y)
		r.spend(min(len(s), len(t)) / 32)
		return bytes.Equal(s, t)
	case kindNumber:
		s, t := a.raw(x), b.raw(y)
		r.spend(1 + (len(s)+len(t))/16)
		return bytes.Equal(s, t) || parseDecimal(s).compare(parseDecimal(t)) == 0
	case kindArray:
		r.spend(int(v.count))
		for p, q := x+1, y+1; p < v.next; p, q = a.nodes[p].next, b.nodes[q].next {
			if !equal(r, a, p, b, q) {
				return false
			}
		}
	case kindObject:
		return equalObjects(r, a, x, b, y)
	}
	return true
}

func equalObjects(r *run, a *document, x int32, b *document, y int32) bool {
	next := y + 1 // members are often in the same order
	for p := x + 1; p < a.nodes[x].next; p = a.nodes[p+1].next {
		name := a.str(p)
		q := next
		for tried := int32(0); ; tried++ {
			r.spend(1)
			if tried == b.nodes[y].count {
				return false
			}
			if q == b.nodes[y].next {
				q = y + 1
			}
			if bytes.Equal(name, b.str(q)) {
				break
			}
			q = b.nodes[q+1].next
		}
		if !equal(r, a, p+1, b, q+1) {
			return false
		}
		next = b.nodes[q+1].next
	}
	return true
}

// hash returns a hash that is the same for equal values.
func hash(seed maphash.Seed, d *document, n int32) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	v := &d.nodes[n]
	switch v.kind {
	case kindString:
		return maphash.Bytes(seed, d.str(n))
	case kindNumber:
		number := parseDecimal(d.raw(n))
		for i := 0; ; {
			digit, end := number.digit(&i)
			if end {
				break
			}
			h.WriteByte(digit)
		}
		h.WriteByte('0' + byte(number.sign()+1))
		write(&h, uint64(number.point))
	case kindArray:
		h.WriteByte('[')
		for e := n + 1; e < v.next; e = d.nodes[e].next {
			write(&h, hash(seed, d, e))
		}
	case kindObject:
		sum := uint64(0) // regardless of order
		for m := n + 1; m < v.next; m = d.nodes[m+1].next {
			var member maphash.Hash
			member.SetSeed(seed)
			member.WriteByte(':')
			write(&member, hash(seed, d, m))
			write(&member, hash(seed, d, m+1))
			sum += member.Sum64()
		}
		h.WriteByte('{')
		write(&h, sum)
	default:
		h.WriteByte(byte(v.kind))
	}
	return h.Sum64()
}

func write(h *maphash.Hash, n uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], n)
	h.Write(b[:])
}
