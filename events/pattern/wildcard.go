package pattern

import (
	"fmt"
	"strings"
)

// parseWildcard splits a wildcard at its stars and removes its escapes; or
// gives AWS's reason to refuse it, whose positions count bytes from 1.
func parseWildcard(s string) (literals []string, reason string) {
	var literal strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '*':
			if i+1 < len(s) && s[i+1] == '*' {
				return nil, fmt.Sprintf("Consecutive wildcard characters at pos %d", i+1)
			}
			literals = append(literals, literal.String())
			literal.Reset()
		case '\\':
			if i+1 == len(s) || s[i+1] != '*' && s[i+1] != '\\' {
				return nil, fmt.Sprintf("Invalid escape character at pos %d", i+1)
			}
			i++
			literal.WriteByte(s[i])
		default:
			literal.WriteByte(s[i])
		}
	}
	return append(literals, literal.String()), ""
}

// matchWildcard reports whether the literals occur in s in this order, the
// first at its start and the last at its end. Taking each at its first chance
// is enough, so the time is that of searching s once per literal.
func matchWildcard(literals []string, s string) bool {
	last := len(literals) - 1
	if last == 0 {
		return s == literals[0]
	}
	s, ok := strings.CutPrefix(s, literals[0])
	if !ok {
		return false
	}
	for _, literal := range literals[1:last] {
		i := strings.Index(s, literal)
		if i < 0 {
			return false
		}
		s = s[i+len(literal):]
	}
	return strings.HasSuffix(s, literals[last])
}
