package jsonschema

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern string
		matches []string
		others  []string
	}{
		{`^\s+$`, []string{" \t\n\v\f\r", "\u00a0\ufeff\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000"}, []string{"", "\u200b", "\u180e", "a"}},
		{`^[\s]$`, []string{"\u00a0"}, []string{"\u0085"}},
		{`^[^\s]$`, []string{"a", "\u0085"}, []string{"\u00a0"}},
		{`^\S+$`, []string{"a\u0085"}, []string{"\u3000"}},
		{`^.$`, []string{"a", "é", "😀"}, []string{"\n", "\r", "\u2028", "\u2029", ""}},
		{`^[^]$`, []string{"\n", "a"}, []string{""}},
		{`a[]|b`, []string{"b"}, []string{"a"}},
		{`^\w\d\W\D$`, []string{"a1-x"}, []string{"é1-x"}},
		{`\bfoo\b`, []string{"a foo b", "éfoo"}, []string{"afoo"}},
		{`^\u0061\x62\u{63}\0\cA\t\v$`, []string{"abc\x00\x01\t\v"}, nil},
		{`^\ud83d\ude00$`, []string{"😀"}, nil},
		{`^[\u{1F600}-\u{1F64F}]$`, []string{"😀"}, []string{"a"}},
		{`\ud83d|a`, []string{"a"}, []string{"😀"}},
		{`^\p{L}\p{Lu}\p{Script=Greek}\P{Letter}\p{gc=Nd}$`, []string{"éÀα!1"}, []string{"1Àα!1"}},
		{`^[\p{L}\d-]+$`, []string{"é-1"}, []string{"_"}},
		{`^[\w-.]+$`, []string{"a-."}, []string{"a,"}},
		{`^[.\-/\]\\^]+$`, []string{`.-/]\^`}, []string{"a"}},
		{`^[[:a]+$`, []string{"[:a"}, []string{"l"}},
		{`^[\b]$`, []string{"\b"}, nil},
		{`^(?<year>\d{4})-(?:0\d|1[0-2])$`, []string{"2026-12"}, []string{"2026-13"}},
		{`^a{2,3}b{2}c{0}d{1,}?$`, []string{"aabbd"}, []string{"abbd", "aabbcd"}},
		{`^{}$`, []string{"{}"}, nil},
		{`^a{,5}$`, []string{"a{,5}"}, []string{"aa"}},
		{`^x]}$`, []string{"x]}"}, nil},
		{`^\/\-\@\_\ $`, []string{"/-@_ "}, nil},
		{`^$|^(|a)$`, []string{"", "a"}, []string{"b"}},
		{`^x-`, []string{"x-a"}, []string{"ax-a"}},
		{`-x$`, []string{"a-x"}, []string{"-x\n", "-xa"}},
		{`^x$`, []string{"x"}, []string{"x\n", "xx"}},
		{`b c`, []string{"ab cd"}, []string{"bc"}},
	} {
		tr := translate(c.pattern)
		if tr.invalid != "" || tr.inexact != "" {
			t.Errorf("%s: %q %q", c.pattern, tr.invalid, tr.inexact)
			continue
		}
		p, err := newPattern(c.pattern, tr)
		if err != nil {
			t.Errorf("%s: %s: %v", c.pattern, tr.re2, err)
			continue
		}
		r := &run{steps: 1 << 40}
		for _, s := range c.matches {
			if !p.matches(r, []byte(s)) {
				t.Errorf("%s (%s) does not match %q", c.pattern, tr.re2, s)
			}
		}
		for _, s := range c.others {
			if p.matches(r, []byte(s)) {
				t.Errorf("%s (%s) matches %q", c.pattern, tr.re2, s)
			}
		}
	}
}

func TestPatternsThatAreRefused(t *testing.T) {
	for pattern, want := range map[string]struct {
		reason  string
		inexact bool
	}{
		`(?=a)`:          {"lookahead", true},
		`a(?!b)`:         {"lookahead", true},
		`(?<=a)b`:        {"lookbehind", true},
		`(?<!a)b`:        {"lookbehind", true},
		`(a)\1`:          {"back-reference", true},
		`(?<n>a)\k<n>`:   {"back-reference", true},
		`a{1001}`:        {"more than 1000 times", true},
		`\p{Alphabetic}`: {`"Alphabetic"`, true},
		`\p{scx=Greek}`:  {`"scx=Greek"`, true},
		`(`:              {"( without a )", false},
		`a)`:             {") without a (", false},
		`[a`:             {"[ without a ]", false},
		`*a`:             {"* with nothing before it", false},
		`a**`:            {"* with nothing before it", false},
		`a*+`:            {"+ with nothing before it", false},
		`{1}`:            {"nothing before it", false},
		`^*`:             {"repeats an assertion", false},
		`(?=a)*`:         {"repeats an assertion", false},
		`a{2,1}`:         {"out of order", false},
		`[b-a]`:          {"out of order", false},
		`\a`:             {`has \a, which`, false},
		`\Z`:             {`has \Z, which`, false},
		`\A`:             {`has \A, which`, false},
		`\Qa\E`:          {`has \Q, which`, false},
		`\x1`:            {`has \x, which`, false},
		`\c1`:            {`has \c, which`, false},
		`\01`:            {`has \0, which`, false},
		`\u12`:           {"four hexadecimal digits", false},
		`\u{110000}`:     {"no code point", false},
		`\u{}`:           {"no code point", false},
		`\pL`:            {`\p without`, false},
		`\p{Greek}`:      {`"Greek"`, false},
		`\p{letter}`:     {`"letter"`, false},
		`(?i)a`:          {"ECMA-262 does not define", false},
		`(?P<a>b)`:       {"ECMA-262 does not define", false},
		`(?<1>b)`:        {"name is not valid", false},
		`\1`:             {"group 1, which does not exist", false},
		`(?<a>b)\k<c>`:   {`group "c", which does not exist`, false},
		`\`:              {`ends in \`, false},
		`[\`:             {`ends in \`, false},
	} {
		tr := translate(pattern)
		reason := tr.invalid
		if want.inexact {
			reason = tr.inexact
		}
		if (tr.invalid != "") == want.inexact || !strings.Contains(reason, want.reason) {
			t.Errorf("%s: invalid %q, inexact %q", pattern, tr.invalid, tr.inexact)
		}
		if isRegex(pattern) != want.inexact {
			t.Errorf("%s: format regex is wrong", pattern)
		}
	}
}

// Whatever is translated compiles, and means the same as it does in package
// regexp where the two have the same syntax.
func FuzzPattern(f *testing.F) {
	for _, pattern := range somePatterns {
		f.Add(pattern, "foo")
	}
	f.Add(`[^\s\S]|[\w-z]{2,3}?|\u{1F600}(?<n>a|)`, "b")
	f.Fuzz(func(t *testing.T, pattern, s string) {
		tr := translate(pattern)
		if tr.invalid != "" || tr.inexact != "" || tr.size > maxPatternSize {
			return
		}
		p, err := newPattern(pattern, tr)
		if err != nil {
			// Package regexp bounds what is repeated within a repetition.
			if strings.Contains(err.Error(), "invalid repeat count") || strings.Contains(err.Error(), "expression nests too deeply") {
				return
			}
			t.Fatalf("%q: %q: %v", pattern, tr.re2, err)
		}
		if strings.ContainsAny(pattern, `.\[{(`) || !utf8.ValidString(s) {
			return
		}
		if want, err := regexp.Compile(pattern); err == nil && want.MatchString(s) != p.matches(&run{steps: 1 << 40}, []byte(s)) {
			t.Fatalf("%q: %q and %q differ", s, pattern, tr.re2)
		}
	})
}
