package typegen

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/blockforger/eventrouter/internal/typegen/schema"
)

// initialisms are written in capitals where they are a whole word of a name.
var initialisms = func() map[string]bool {
	m := make(map[string]bool)
	for _, word := range strings.Fields(`acl ami api arn asn aws cpu cidr db dns ebs ec2 ecr ecs efs eks eni
		gpu http https iam id ip ipv4 ipv6 json kms mfa os rds s3 sns sql sqs ssh ssm tcp tls ttl
		udp uri url uuid vpc vpn xml`) {
		m[word] = true
	}
	return m
}()

// exported makes an exported Go identifier of any name, as much like it as Go
// allows. Of a name without any letter or digit nothing is left but otherwise.
func exported(name, otherwise string) string {
	var b strings.Builder
	for _, word := range words(name) {
		if initialisms[strings.ToLower(word)] {
			b.WriteString(strings.ToUpper(word))
			continue
		}
		if one, plural := strings.CutSuffix(word, "s"); plural && initialisms[strings.ToLower(one)] {
			b.WriteString(strings.ToUpper(one) + "s")
			continue
		}
		first := []rune(word)[0]
		b.WriteRune(unicode.ToUpper(first))
		b.WriteString(word[len(string(first)):])
	}
	id := b.String()
	switch {
	case id == "":
		return otherwise
	case unicode.IsDigit([]rune(id)[0]):
		return "N" + id
	case !unicode.IsUpper([]rune(id)[0]): // a script without capitals
		return "X" + id
	}
	return id
}

// rootNames returns the names of the documents' details: those of the schemas,
// without the name of the package where callers would read it twice. Where that
// leaves two the same name, they keep it.
func rootNames(documents []*schema.Document, pkg string) []string {
	long, short := make([]string, len(documents)), make([]string, len(documents))
	count := make(map[string]int)
	for i, d := range documents {
		long[i] = exported(shortName(d.Name), "Event")
		short[i] = withoutPackage(long[i], pkg)
		count[short[i]]++
	}
	for i := range short {
		if count[short[i]] > 1 {
			short[i] = long[i]
		}
	}
	return short
}

// withoutPackage removes the words at the beginning of a type's name that are
// the package's name, and a brand before them: ecs.TaskStateChange instead of
// ecs.ECSTaskStateChange.
func withoutPackage(name, pkg string) string {
	parts := words(name)
	for _, brand := range []string{"", "Amazon", "AWS"} {
		rest := parts
		if brand != "" {
			if len(parts) == 0 || parts[0] != brand {
				continue
			}
			rest = parts[1:]
		}
		for n := 1; n < len(rest); n++ {
			if strings.EqualFold(strings.Join(rest[:n], ""), pkg) && unicode.IsUpper([]rune(rest[n])[0]) {
				return strings.Join(rest[n:], "")
			}
		}
	}
	return name
}

// words splits a name where it is no letter or digit, and where its case shows
// a new word: sourceIPAddress is source, IP, Address.
func words(name string) []string {
	var found []string
	var word []rune
	flush := func() {
		if len(word) > 0 {
			found = append(found, string(word))
		}
		word = nil
	}
	runes := []rune(name)
	for i, r := range runes {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			flush()
			continue
		}
		if i > 0 && unicode.IsUpper(r) {
			afterLower := unicode.IsLower(runes[i-1])
			beforeLower := i+1 < len(runes) && unicode.IsLower(runes[i+1])
			if afterLower || beforeLower && !isPlural(runes, i) {
				flush()
			}
		}
		word = append(word, r)
	}
	flush()
	return found
}

// isPlural tells the s in "IDs" and "ARNs", which ends a word, from that in
// "IDsomething", which does not.
func isPlural(runes []rune, i int) bool {
	return runes[i+1] == 's' && (i+2 == len(runes) || !unicode.IsLower(runes[i+2]))
}

// snake is the name of the file for a type: lower case, without anything that
// the go command or a file system might take for more than a name.
func snake(name string) string {
	var parts []string
	for _, word := range words(name) {
		ascii := strings.Map(func(r rune) rune {
			if r < 0x80 {
				return unicode.ToLower(r)
			}
			return -1
		}, word)
		if ascii != "" {
			parts = append(parts, ascii)
		}
	}
	s := strings.Join(parts, "_")
	if len(s) > 80 {
		s = s[:80]
	}
	if s == "" {
		return "schema"
	}
	return s
}

// A scope hands out names that are all different.
type scope map[string]bool

// take returns want, or want with the first number behind it that makes it new.
func (s scope) take(want string) string {
	name := want
	for n := 2; s[name]; n++ {
		name = want + strconv.Itoa(n)
	}
	s[name] = true
	return name
}
