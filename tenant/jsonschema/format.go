package jsonschema

import (
	"net/netip"
	"strings"
	"unicode/utf8"
)

// formatNames are the formats that JSON Schema or this package defines.
var formatNames = []string{"date-time", "date", "time", "duration", "period", "email", "hostname", "ipv4", "ipv6", "uri",
	"uri-reference", "iri", "iri-reference", "uri-template", "json-pointer", "relative-json-pointer", "regex",
	"uuid", "semver", "idn-email", "idn-hostname"}

// format returns the check of a format; nil where it is not asserted.
func format(name string) func(string) bool {
	switch name {
	case "date-time":
		return isDateTime
	case "date":
		return isDate
	case "time":
		return isTime
	case "duration":
		return isDuration
	case "period":
		return isPeriod
	case "email":
		return isEmail
	case "hostname":
		return isHostname
	case "ipv4":
		return isIPv4
	case "ipv6":
		return isIPv6
	case "uri":
		return isURI
	case "uri-reference":
		return isURIReference
	case "iri":
		return isIRI
	case "iri-reference":
		return isIRIReference
	case "uri-template":
		return isURITemplate
	case "uuid":
		return isUUID
	case "json-pointer":
		return isJSONPointer
	case "relative-json-pointer":
		return isRelativeJSONPointer
	case "regex":
		return isRegex
	case "semver":
		return isSemver
	}
	return nil
}

// formatExamples are the values that messages show.
var formatExamples = map[string]string{
	"date-time": "2026-11-21T03:00:00Z", "date": "2026-11-21", "time": "03:00:00Z", "duration": "P3DT12H", "period": "2026-11-21T03:00:00Z/P1D",
	"email": "name@example.com", "hostname": "www.example.com", "ipv4": "192.0.2.1", "ipv6": "2001:db8::1",
	"uri": "https://example.com/a", "uri-reference": "/a?b=c", "iri": "https://example.com/ä", "iri-reference": "/ä?b=c",
	"uri-template": "/a/{b}", "uuid": "123e4567-e89b-12d3-a456-426614174000", "json-pointer": "/a/0", "relative-json-pointer": "1/a",
	"regex": "^[a-z]+$", "semver": "1.2.3",
}

// formatMessage returns the message of a violation of a format.
func formatMessage(name string) string {
	if example := formatExamples[name]; example != "" {
		return "must be a valid " + name + ", for example " + example
	}
	return "must be a valid " + name
}

func isRegex(s string) bool { return translate(s).invalid == "" }

// number2 reads two digits at i; -1 where they are not digits.
func number2(s string, i int) int {
	if len(s) < i+2 || !isDigit(s[i]) || !isDigit(s[i+1]) {
		return -1
	}
	return int(s[i]-'0')*10 + int(s[i+1]-'0')
}

// isDate checks full-date of RFC 3339.
func isDate(s string) bool {
	if len(s) != len("2006-01-02") || s[4] != '-' || s[7] != '-' {
		return false
	}
	century, years, month, day := number2(s, 0), number2(s, 2), number2(s, 5), number2(s, 8)
	if century < 0 || years < 0 || month < 1 || month > 12 || day < 1 {
		return false
	}
	days := int("\x1f\x1c\x1f\x1e\x1f\x1e\x1f\x1f\x1e\x1f\x1e\x1f"[month-1])
	if year := century*100 + years; month == 2 && year%4 == 0 && (year%100 != 0 || year%400 == 0) {
		days = 29
	}
	return day <= days
}

// isTime checks full-time of RFC 3339. A leap second must be the last of a day
// in UTC.
func isTime(s string) bool {
	if len(s) < len("15:04:05Z") || s[2] != ':' || s[5] != ':' {
		return false
	}
	hour, minute, second := number2(s, 0), number2(s, 3), number2(s, 6)
	if hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60 {
		return false
	}
	s = s[len("15:04:05"):]
	if s[0] == '.' {
		rest := strings.TrimLeft(s[1:], "0123456789")
		if len(rest) == len(s)-1 {
			return false
		}
		s = rest
	}
	offset := 0
	if s != "Z" && s != "z" {
		if len(s) != len("+01:00") || s[0] != '+' && s[0] != '-' || s[3] != ':' {
			return false
		}
		hours, minutes := number2(s, 1), number2(s, 4)
		if hours < 0 || hours > 23 || minutes < 0 || minutes > 59 {
			return false
		}
		if offset = hours*60 + minutes; s[0] == '-' {
			offset = -offset
		}
	}
	const day = 24 * 60
	return second < 60 || (hour*60+minute-offset+day)%day == day-1
}

func isDateTime(s string) bool {
	const date = len("2006-01-02")
	return len(s) > date && (s[date] == 'T' || s[date] == 't') && isDate(s[:date]) && isTime(s[date+1:])
}

// isDuration checks duration of RFC 3339, appendix A: units follow one another
// without a gap, and weeks are alone.
func isDuration(s string) bool {
	s, ok := strings.CutPrefix(s, "P")
	if !ok || s == "" {
		return false
	}
	date, clock, hasTime := strings.Cut(s, "T")
	if !hasTime && units(date, "W") {
		return true
	}
	return (date == "" || units(date, "YMD")) && (hasTime == (clock != "")) && (clock == "" || units(clock, "HMS")) && (date != "" || hasTime)
}

// units reports whether s has one number or several, each with a unit, the units
// being adjacent ones of those given.
func units(s, of string) bool {
	next := -1
	for s != "" {
		rest := strings.TrimLeft(s, "0123456789")
		if len(rest) == len(s) || rest == "" {
			return false
		}
		i := strings.IndexByte(of, rest[0])
		if i < 0 || next >= 0 && i != next {
			return false
		}
		s, next = rest[1:], i+1
	}
	return next >= 0
}

// isPeriod checks period of RFC 3339, appendix A.
func isPeriod(s string) bool {
	start, end, ok := strings.Cut(s, "/")
	return ok && (isDateTime(start) && (isDateTime(end) || isDuration(end)) || isDuration(start) && isDateTime(end))
}

// isEmail checks Mailbox of RFC 5321.
func isEmail(s string) bool {
	at := strings.LastIndexByte(s, '@')
	if at < 0 || at > 64 || len(s) > 254 || !isLocalPart(s[:at]) {
		return false
	}
	domain := s[at+1:]
	if address, ok := strings.CutPrefix(domain, "["); ok {
		address, ok = strings.CutSuffix(address, "]")
		if ok && len(address) > 5 && strings.EqualFold(address[:5], "IPv6:") {
			return isIPv6(address[5:])
		}
		return ok && isIPv4(address)
	}
	return isHostname(domain)
}

func isLocalPart(s string) bool {
	if inner, ok := strings.CutPrefix(s, `"`); ok {
		inner, ok = strings.CutSuffix(inner, `"`)
		if !ok {
			return false
		}
		for i := 0; i < len(inner); i++ {
			if inner[i] == '\\' {
				i++
			} else if inner[i] == '"' {
				return false
			}
			if i == len(inner) || inner[i] < ' ' || inner[i] > '~' {
				return false
			}
		}
		return true
	}
	for atom := range strings.SplitSeq(s, ".") {
		if atom == "" {
			return false
		}
		for i := range len(atom) {
			if c := atom[i]; !isLetter(c) && !isDigit(c) && strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) < 0 {
				return false
			}
		}
	}
	return true
}

// isHostname checks the preferred syntax of RFC 1123, section 2.1. It does not
// decode labels that begin with xn--.
func isHostname(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			if c := label[i]; !isLetter(c) && !isDigit(c) && c != '-' {
				return false
			}
		}
	}
	return true
}

// isIPv4 checks dotted-quad of RFC 2673: decimal numbers without leading zeros.
func isIPv4(s string) bool {
	parts := 0
	for part := range strings.SplitSeq(s, ".") {
		parts++
		n := 0
		for i := range len(part) {
			if !isDigit(part[i]) {
				return false
			}
			n = n*10 + int(part[i]-'0')
		}
		if part == "" || len(part) > 3 || n > 255 || len(part) > 1 && part[0] == '0' {
			return false
		}
	}
	return parts == 4
}

func isIPv6(s string) bool {
	address, err := netip.ParseAddr(s)
	return err == nil && address.Is6() && address.Zone() == ""
}

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch i {
		case 8, 13, 18, 23:
			if s[i] != '-' {
				return false
			}
		default:
			if _, ok := hexadecimal(s[i : i+1]); !ok {
				return false
			}
		}
	}
	return true
}

func isJSONPointer(s string) bool {
	if s != "" && s[0] != '/' {
		return false
	}
	for i := range len(s) {
		if s[i] == '~' && (i+1 == len(s) || s[i+1] != '0' && s[i+1] != '1') {
			return false
		}
	}
	return true
}

func isRelativeJSONPointer(s string) bool {
	rest := strings.TrimLeft(s, "0123456789")
	levels := s[:len(s)-len(rest)]
	if levels == "" || len(levels) > 1 && levels[0] == '0' {
		return false
	}
	// draft-bhutton-relative-json-pointer: an index may be moved by +n or -n.
	if rest != "" && (rest[0] == '+' || rest[0] == '-') {
		behind := strings.TrimLeft(rest[1:], "0123456789")
		n := rest[1 : len(rest)-len(behind)]
		if n == "" || n[0] == '0' {
			return false
		}
		rest = behind
	}
	return rest == "#" || isJSONPointer(rest)
}

func isSemver(s string) bool {
	s, build, hasBuild := strings.Cut(s, "+")
	s, release, hasRelease := strings.Cut(s, "-")
	if hasBuild && !identifiers(build, false) || hasRelease && !identifiers(release, true) {
		return false
	}
	parts := strings.Split(s, ".")
	for _, part := range parts {
		if part == "" || strings.Trim(part, "0123456789") != "" || len(part) > 1 && part[0] == '0' {
			return false
		}
	}
	return len(parts) == 3
}

// identifiers checks those behind - or + of a semantic version.
func identifiers(s string, release bool) bool {
	for id := range strings.SplitSeq(s, ".") {
		letters := strings.Trim(id, "0123456789") != ""
		for i := range len(id) {
			if c := id[i]; !isLetter(c) && !isDigit(c) && c != '-' {
				return false
			}
		}
		if id == "" || release && !letters && len(id) > 1 && id[0] == '0' {
			return false
		}
	}
	return true
}

func isURI(s string) bool          { return (&uriCheck{}).check(s, true) }
func isURIReference(s string) bool { return (&uriCheck{}).check(s, false) }
func isIRI(s string) bool          { return (&uriCheck{international: true}).check(s, true) }
func isIRIReference(s string) bool { return (&uriCheck{international: true}).check(s, false) }

// A uriCheck checks the grammar of RFC 3986, or of RFC 3987.
type uriCheck struct{ international bool }

func (u *uriCheck) check(s string, absolute bool) bool {
	s, fragment, hasFragment := strings.Cut(s, "#")
	if hasFragment && !u.characters(fragment, ":@/?", false) {
		return false
	}
	s, query, hasQuery := strings.Cut(s, "?")
	if hasQuery && !u.characters(query, ":@/?", true) {
		return false
	}
	scheme, rest, hasScheme := strings.Cut(s, ":")
	if hasScheme = hasScheme && !strings.Contains(scheme, "/"); hasScheme {
		if !isScheme(scheme) {
			return false
		}
		s = rest
	} else if absolute {
		return false
	}
	if authority, ok := strings.CutPrefix(s, "//"); ok {
		path := ""
		if i := strings.IndexByte(authority, '/'); i >= 0 {
			authority, path = authority[:i], authority[i:]
		}
		return u.authority(authority) && u.characters(path, ":@/", false)
	}
	return u.characters(s, ":@/", false)
}

func isScheme(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && (i == 0 || !isDigit(c) && c != '+' && c != '-' && c != '.') {
			return false
		}
	}
	return s != ""
}

func (u *uriCheck) authority(s string) bool {
	if i := strings.IndexByte(s, '@'); i >= 0 {
		if !u.characters(s[:i], ":", false) {
			return false
		}
		s = s[i+1:]
	}
	if literal, ok := strings.CutPrefix(s, "["); ok {
		literal, port, ok := strings.Cut(literal, "]")
		return ok && isIPLiteral(literal) && (port == "" || port[0] == ':' && strings.Trim(port[1:], "0123456789") == "")
	}
	host, port, _ := strings.Cut(s, ":")
	return u.characters(host, "", false) && strings.Trim(port, "0123456789") == ""
}

// isIPLiteral checks what may be within brackets as a host.
func isIPLiteral(s string) bool {
	if s == "" || s[0] != 'v' && s[0] != 'V' {
		return isIPv6(s)
	}
	version, address, ok := strings.Cut(s[1:], ".")
	_, isHex := hexadecimal(version)
	return ok && isHex && address != "" && !strings.Contains(address, "%") && (&uriCheck{}).characters(address, ":", false)
}

// characters reports whether s consists of unreserved characters, sub-delims,
// percent-encoded octets and those that are allowed.
func (u *uriCheck) characters(s, allowed string, query bool) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case isLetter(c) || isDigit(c) || strings.IndexByte("-._~!$&'()*+,;=", c) >= 0 || strings.IndexByte(allowed, c) >= 0:
		case c == '%':
			if i+3 > len(s) {
				return false
			}
			if _, ok := hexadecimal(s[i+1 : i+3]); !ok {
				return false
			}
			i += 2
		case c >= utf8.RuneSelf && u.international:
			r, size := utf8.DecodeRuneInString(s[i:])
			if !isUCS(r) && !(query && isPrivate(r)) {
				return false
			}
			i += size - 1
		default:
			return false
		}
	}
	return true
}

// isUCS reports whether r is a ucschar of RFC 3987.
func isUCS(r rune) bool {
	switch {
	case r >= 0xA0 && r <= 0xD7FF, r >= 0xF900 && r <= 0xFDCF, r >= 0xFDF0 && r <= 0xFFEF:
		return true
	}
	return r >= 0x10000 && r < 0xF0000 && r&0xFFFF < 0xFFFE && (r < 0xE0000 || r >= 0xE1000)
}

func isPrivate(r rune) bool {
	return r >= 0xE000 && r <= 0xF8FF || r >= 0xF0000 && r&0xFFFF < 0xFFFE
}

// isURITemplate checks the grammar of RFC 6570.
func isURITemplate(s string) bool {
	for s != "" {
		if s[0] == '{' {
			expression, rest, ok := strings.Cut(s[1:], "}")
			if !ok || !isExpression(expression) {
				return false
			}
			s = rest
			continue
		}
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == '%':
			if len(s) < 3 {
				return false
			}
			if _, ok := hexadecimal(s[1:3]); !ok {
				return false
			}
		case r <= ' ' || r == 0x7F || r < utf8.RuneSelf && strings.ContainsRune("\"'<>\\^`{|}", r):
			return false
		case r >= utf8.RuneSelf && !isUCS(r) && !isPrivate(r):
			return false
		}
		s = s[size:]
	}
	return true
}

func isExpression(s string) bool {
	if s != "" && strings.IndexByte("+#./;?&=,!@|", s[0]) >= 0 {
		s = s[1:]
	}
	for variable := range strings.SplitSeq(s, ",") {
		name, explode := strings.CutSuffix(variable, "*")
		name, length, hasLength := strings.Cut(name, ":")
		if hasLength && (explode || length == "" || len(length) > 4 || length[0] == '0' || strings.Trim(length, "0123456789") != "") {
			return false
		}
		for part := range strings.SplitSeq(name, ".") {
			if part == "" || strings.ContainsAny(part, "!$&'()*+,;=-~/?#[]@ ") || !(&uriCheck{}).characters(part, "", false) {
				return false
			}
		}
	}
	return true
}
