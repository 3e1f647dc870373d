package pattern

import (
	"encoding/hex"
	"strconv"
	"strings"
)

// Addresses are compared as their hexadecimal digits, 8 of them or 32, digit by
// digit from the left and only as far as a decision takes. So 0.0.0.0/0 holds
// for every IPv6 address too, which AWS does as well.

// parseIP reads an IPv4 or IPv6 address as AWS's engine does: octets with
// leading zeros are decimal, groups may have leading zeros, an IPv4-mapped IPv6
// address is an IPv4 address; there are no zones.
func parseIP(s string) (digits string, ok bool) {
	var address [16]byte
	n := 0
	if strings.IndexByte(s, ':') >= 0 {
		if parseIPv6(s, &address) {
			n = 16
		}
		if mapped := "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff"; n == 16 && string(address[:12]) == mapped {
			copy(address[:], address[12:])
			n = 4
		}
	} else if parseIPv4(s, &address) {
		n = 4
	}
	return hex.EncodeToString(address[:n]), n > 0
}

func parseIPv4(s string, address *[16]byte) bool {
	if len(s) > len("255.255.255.255") {
		return false
	}
	octet, octets, digits := 0, 0, 0
	for i := 0; i <= len(s); i++ {
		switch {
		case i == len(s) || s[i] == '.':
			if digits == 0 || octet > 255 || octets == 4 {
				return false
			}
			address[octets] = byte(octet)
			octets++
			octet, digits = 0, 0
		case isDigit(s[i]):
			octet = min(octet*10+int(s[i]-'0'), 256)
			digits++
		default:
			return false
		}
	}
	return octets == 4
}

func parseIPv6(s string, address *[16]byte) bool {
	gap, n := -1, 0 // n bytes are read; gap is where :: stands
	rest := s
	if strings.HasPrefix(rest, "::") {
		gap, rest = 0, rest[2:]
	}
	for rest != "" {
		end := strings.IndexByte(rest, ':')
		last := end < 0
		if last {
			end = len(rest)
		}
		group, ok := hexGroup(rest[:end])
		if !ok || n == 16 {
			return false
		}
		address[n], address[n+1] = byte(group>>8), byte(group)
		n += 2
		if last {
			break
		}
		if rest = rest[end+1:]; rest == "" {
			return false // oneKey colon at the end
		}
		if rest[0] == ':' {
			if gap >= 0 {
				return false
			}
			gap, rest = n, rest[1:]
		}
	}
	if gap < 0 {
		return n == 16
	}
	if n == 16 {
		return false
	}
	copy(address[16-(n-gap):], address[gap:n])
	clear(address[gap : 16-(n-gap)])
	return true
}

func hexGroup(s string) (uint16, bool) {
	v := uint32(0)
	for _, c := range []byte(s) {
		switch {
		case isDigit(c):
			v = v<<4 | uint32(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			v = v<<4 | uint32(c|0x20-'a'+10)
		default:
			return 0, false
		}
		if v > 0xffff {
			return 0, false
		}
	}
	return uint16(v), s != ""
}

// looksLikeIP is the test of form that comes before the address is read.
func looksLikeIP(s string) bool {
	colon, dots, digits := false, 0, 0
	v4, v6 := s != "", s != ""
	for _, c := range []byte(s) {
		switch {
		case isDigit(c):
			digits++
		case c == '.':
			v6 = false
			v4 = v4 && digits > 0
			dots, digits = dots+1, 0
		case c == ':':
			colon, v4 = true, false
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			v4 = false
		default:
			return false
		}
	}
	return v4 && dots == 3 && digits > 0 || v6 && colon
}

// parseCIDR returns the first and last address of a block, or AWS's reason to
// refuse it.
func parseCIDR(s string) (bottom, top, reason string) {
	// AWS drops empty parts at the end, so 10.0.0.0/24/ is accepted.
	address, mask, found := strings.Cut(strings.TrimRight(s, "/"), "/")
	if !found || strings.Contains(mask, "/") {
		return "", "", "Malformed CIDR, one '/' required"
	}
	bits, err := strconv.ParseInt(mask, 10, 32)
	if err != nil {
		return "", "", "Malformed CIDR, mask bits must be an integer"
	}
	if bits < 0 {
		return "", "", "Malformed CIDR, mask bits must not be negative"
	}
	if !looksLikeIP(address) {
		return "", "", "Nonstandard IP address: " + address
	}
	digits, ok := parseIP(address)
	if !ok {
		return "", "", "Invalid IP address: " + address
	}
	if len(digits) == 8 && bits > 31 {
		return "", "", "IPv4 mask bits must be < 32"
	}
	if len(digits) == 32 && bits > 127 {
		return "", "", "IPv6 mask bits must be < 128"
	}
	raw, _ := hex.DecodeString(digits)
	high := append([]byte(nil), raw...)
	for i := range raw {
		fixed := min(max(int(bits)-8*i, 0), 8)
		variable := byte(0xff >> fixed)
		raw[i] &^= variable
		high[i] |= variable
	}
	return hex.EncodeToString(raw), hex.EncodeToString(high), ""
}

// inBlock reports whether the address lies between the two, inclusively. An
// address with fewer digits than the bounds is decided by the digits it has,
// and is inside only if those decide.
func inBlock(digits, bottom, top string) bool {
	if len(digits) >= len(bottom) {
		digits = digits[:len(bottom)]
		return bottom <= digits && digits <= top
	}
	n := len(digits)
	return bottom[:n] < digits && digits < top[:n]
}
