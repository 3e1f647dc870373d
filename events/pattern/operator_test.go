package pattern

import "testing"

// Beyond the corpus: what the engine's grammar and matching lead to, case by
// case. The condition stands at n, the value is that of n; "" leaves n out.
func TestConditions(t *testing.T) {
	for _, c := range []struct{ condition, value, answer string }{
		// Literals.
		{`300`, `"300"`, "false"},
		{`1.0e0`, `1`, "true"},
		{`9007199254740993`, `9007199254740993.0`, "false"}, // its text, since it cannot be compared
		{`9007199254740993.0`, `9007199254740993.0`, "true"},
		{`1e400`, `1e400`, "true"},
		{`1e400`, `1E400`, "false"},
		{`0.1`, `0.1000`, "true"},
		{`1e-400`, `0`, "false"},
		{`"10.0.0.1"`, `"010.0.0.01"`, "true"},
		{`"10.0.0.1"`, `"10.0.0.10"`, "false"},
		{`"256.0.0.1"`, `"256.0.0.1"`, "true"}, // not an address, so text
		{`"::1"`, `"0:0:0:0:0:0:0:1"`, "true"},
		{`"2001:DB8::"`, `"2001:db8::0"`, "true"},
		{`"::ffff:a00:1"`, `"10.0.0.1"`, "true"},
		{`"0.0.0.0"`, `"::1"`, "true"}, // as far as its digits go
		{`"10.0.0.1"`, `167772161`, "false"},
		{`{"exactly":"10.0.0.1"}`, `"010.0.0.1"`, "false"},
		{`{"exactly":""}`, `""`, "true"},
		{`"\u0061"`, `"a"`, "true"},
		{`"\/"`, `"/"`, "true"},
		{`null`, `[null]`, "true"},
		{`false`, `0`, "false"},
		// prefix and suffix, folded and not.
		{`{"prefix":"a\""}`, `"a"`, "true"},
		{`{"prefix":"a\""}`, `"ab"`, "false"},
		{`{"suffix":"\"a"}`, `"a"`, "true"},
		{`{"suffix":"\"a"}`, `"ba"`, "false"},
		{`{"suffix":"😀"}`, `"x😀"`, "true"},
		{`{"prefix":{"equals-ignore-case":""}}`, `"x"`, "true"},
		{`{"prefix":{"equals-ignore-case":"straß"}}`, `"STRASSE"`, "true"},
		{`{"prefix":{"equals-ignore-case":"straß"}}`, `"strasse"`, "false"},
		{`{"suffix":{"equals-ignore-case":"É"}}`, `"café"`, "true"},
		{`{"suffix":{"equals-ignore-case":"ß"}}`, `"FUSS"`, "true"},
		{`{"prefix":{"equals-ignore-case":"a"}}`, `1`, "false"},
		{`{"equals-ignore-case":"ς"}`, `"Σ"`, "true"},
		{`{"equals-ignore-case":"ς"}`, `"σ"`, "false"},
		{`{"equals-ignore-case":"😀"}`, `"😀"`, "false"}, // half pairs are question marks
		{`{"equals-ignore-case":"😀"}`, `"??"`, "true"},
		{`{"equals-ignore-case":"null"}`, `null`, "false"},
		// wildcard.
		{`{"wildcard":""}`, `""`, "true"},
		{`{"wildcard":""}`, `"a"`, "false"},
		{`{"wildcard":"a*a"}`, `"a"`, "false"},
		{`{"wildcard":"a*a"}`, `"aa"`, "true"},
		{`{"wildcard":"*ab*ab"}`, `"ab"`, "false"},
		{`{"wildcard":"*ab*ab"}`, `"abab"`, "true"},
		{`{"wildcard":"*\\**"}`, `"a*b"`, "true"},
		{`{"wildcard":"*\\**"}`, `"ab"`, "false"},
		{`{"wildcard":"\\\\*"}`, `"\\x"`, "true"},
		{`{"wildcard":"\\***"}`, `""`, "error: Consecutive wildcard characters at pos 3"},
		{`{"wildcard":"é**"}`, `""`, "error: Consecutive wildcard characters at pos 3"},
		{`{"wildcard":"\\n"}`, `""`, "error: Invalid escape character at pos 1"},
		{`{"wildcard":["a"]}`, `""`, "error: wildcard match pattern must be a string"},
		// numeric.
		{`{"numeric":["=",-0]}`, `0`, "true"},
		{`{"numeric":["<",1e309]}`, `1`, "error: Cannot compare number : 1e309"},
		{`{"numeric":["=",1e-400]}`, `0`, "error: Cannot compare number : 1e-400"},
		{`{"numeric":["=",0.1000]}`, `0.1`, "true"},
		{`{"numeric":[">=",1,"<=",1]}`, `1`, "error: Bottom must be less than top"},
		{`{"numeric":[">=",1,"<",2]}`, `1`, "true"},
		{`{"numeric":[">",1,"<",2]}`, `2`, "false"},
		{`{"numeric":[">",0]}`, `9007199254740993`, "false"}, // cannot be compared
		{`{"numeric":[">",0]}`, `1e400`, "false"},
		{`{"numeric":[">"]}`, `1`, "error: Value of > must be numeric"},
		{`{"numeric":["="]}`, `1`, "error: Value of equals must be numeric"},
		{`{"numeric":["=","1"]}`, `1`, "error: Value of equals must be numeric"},
		{`{"numeric":["=",1,2]}`, `1`, "error: Too many elements in numeric expression"},
		{`{"numeric":["<=",1,">",0]}`, `1`, "error: Too many elements in numeric expression"},
		{`{"numeric":[">",1,">",2]}`, `1`, "error: Bad numeric range operator: >"},
		{`{"numeric":[">",1,2]}`, `1`, "error: Bad value in numeric range: 2"},
		{`{"numeric":[">",1,"<"]}`, `1`, "error: Value of < must be numeric"},
		{`{"numeric":[">",1,"<",2,3]}`, `1`, "error: Too many terms in numeric range expression"},
		{`{"numeric":[1]}`, `1`, "error: Invalid member in numeric match: 1"},
		{`{"numeric":[true]}`, `1`, "error: Invalid member in numeric match: true"},
		{`{"numeric":["==",1]}`, `1`, "error: Unrecognized numeric range operator: =="},
		{`{"numeric":">1"}`, `1`, "error: Value of numeric must be an array."},
		{`{"numeric":[">",1],"x":1}`, `1`, "error: Too many elements in numeric expression"},
		// cidr.
		{`{"cidr":"10.0.0.200/24"}`, `"10.0.0.1"`, "true"}, // host bits do not count
		{`{"cidr":"10.0.0.0/31"}`, `"10.0.0.1"`, "true"},
		{`{"cidr":"10.0.0.0/+8"}`, `"10.9.9.9"`, "true"},
		{`{"cidr":"10.0.0.0/8/"}`, `"10.9.9.9"`, "true"},
		{`{"cidr":"2000::/3"}`, `"33.0.0.0"`, "true"},  // 21000000 is within 2… to 3…
		{`{"cidr":"2000::/3"}`, `"32.0.0.0"`, "false"}, // 20000000 decides nothing
		{`{"cidr":"::/127"}`, `"::1"`, "true"},
		{`{"cidr":"10.0.0.0"}`, `""`, "error: Malformed CIDR, one '/' required"},
		{`{"cidr":"10.0.0.0/"}`, `""`, "error: Malformed CIDR, one '/' required"},
		{`{"cidr":"10.0.0.0/8/8"}`, `""`, "error: Malformed CIDR, one '/' required"},
		{`{"cidr":"10.0.0.0/x"}`, `""`, "error: Malformed CIDR, mask bits must be an integer"},
		{`{"cidr":"10.0.0.0/9999999999"}`, `""`, "error: Malformed CIDR, mask bits must be an integer"},
		{`{"cidr":"10.0.0.0/-1"}`, `""`, "error: Malformed CIDR, mask bits must not be negative"},
		{`{"cidr":"host/8"}`, `""`, "error: Nonstandard IP address: host"},
		{`{"cidr":"10.0.0/8"}`, `""`, "error: Nonstandard IP address: 10.0.0"},
		{`{"cidr":"::ffff:10.0.0.1/8"}`, `""`, "error: Nonstandard IP address: ::ffff:10.0.0.1"},
		{`{"cidr":"10.0.0.256/8"}`, `""`, "error: Invalid IP address: 10.0.0.256"},
		{`{"cidr":"1:2/8"}`, `""`, "error: Invalid IP address: 1:2"},
		{`{"cidr":"::1/128"}`, `""`, "error: IPv6 mask bits must be < 128"},
		{`{"cidr":8}`, `""`, "error: prefix match pattern must be a string"},
		// exists.
		{`{"exists":true}`, `[[],[[1]]]`, "true"},
		{`{"exists":true}`, `[{"x":1}]`, "false"},
		{`{"exists":null}`, `1`, "error: exists match pattern must be either true or false."},
		{`{"exists":true,"prefix":"a"}`, `1`, "error: Only one key allowed in match expression"},
		// anything-but.
		{`{"anything-but":["a"]}`, `true`, "true"},
		{`{"anything-but":["a"]}`, `{}`, "false"},
		{`{"anything-but":["a"]}`, `[]`, "false"},
		{`{"anything-but":""}`, `""`, "false"},
		{`{"anything-but":"10.0.0.1"}`, `"010.0.0.1"`, "true"}, // as text
		{`{"anything-but":[1,2]}`, `2.0`, "false"},
		{`{"anything-but":[1,2]}`, `"2"`, "true"},
		{`{"anything-but":1}`, `9007199254740993`, "true"},
		{`{"anything-but":{"prefix":"a"}}`, `[null,"ab"]`, "true"},
		{`{"anything-but":{"prefix":["a","b"]}}`, `"bc"`, "false"},
		{`{"anything-but":{"equals-ignore-case":["A","B"]}}`, `"b"`, "false"},
		{`{"anything-but":{"wildcard":["*.a","*.b"]}}`, `"x.b"`, "false"},
		{`{"anything-but":null}`, `1`, "error: Value of anything-but must be an array or single string/number value."},
		{`{"anything-but":{"prefix":true}}`, `1`, "error: Value of anything-but must be an array or single string/number value."},
		{`{"anything-but":{"prefix":1}}`, `1`, "error: prefix/suffix match pattern must be a string"},
		{`{"anything-but":{"suffix":["a",1]}}`, `1`, "error: prefix/suffix match pattern must be a string"},
		{`{"anything-but":{"prefix":""}}`, `1`, "error: Null prefix/suffix not allowed"},
		{`{"anything-but":{"suffix":["a",""]}}`, `1`, "error: Null prefix/suffix not allowed"},
		{`{"anything-but":{"equals-ignore-case":1}}`, `1`, "error: Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported."},
		{`{"anything-but":{"equals-ignore-case":[null]}}`, `1`, "error: Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported."},
		{`{"anything-but":{"wildcard":[1]}}`, `1`, "error: wildcard match pattern must be a string"},
		{`{"anything-but":{"wildcard":"**"}}`, `1`, "error: Consecutive wildcard characters at pos 1"},
		{`{"anything-but":{"wildcard":["**",1]}}`, `1`, "error: wildcard match pattern must be a string"},
		{`{"anything-but":{"exists":true}}`, `1`, "error: Unsupported anything-but pattern: exists"},
		{`{"anything-but":{}}`, `1`, "error: Anything-But expression name not found"},
		{`{"anything-but":["a",null]}`, `1`, "error: Inside anything but list, start|null|boolean is not supported."},
		{`{"anything-but":[["a"]]}`, `1`, "error: Inside anything but list, start|null|boolean is not supported."},
		{`{"anything-but":1e400}`, `1`, "error: Cannot compare number : 1e400"},
		{`{"anything-but":"a","x":1}`, `1`, "error: Too many elements in numeric expression"},
		// The rest of the grammar.
		{`{"prefix":1}`, `1`, "error: prefix match pattern must be a string"},
		{`{"suffix":null}`, `1`, "error: suffix match pattern must be a string"},
		{`{"prefix":{}}`, `1`, "error: Prefix expression name not found"},
		{`{"suffix":{}}`, `1`, "error: Suffix expression name not found"},
		{`{"prefix":{"wildcard":"a"}}`, `1`, "error: Unsupported prefix pattern: wildcard"},
		{`{"suffix":{"prefix":"a"}}`, `1`, "error: Unsupported suffix pattern: prefix"},
		{`{"prefix":{"equals-ignore-case":1}}`, `1`, "error: equals-ignore-case match pattern must be a string"},
		{`{"prefix":{"equals-ignore-case":"a","x":1}}`, `1`, "error: Only one key allowed in match expression"},
		{`{"equals-ignore-case":["a"]}`, `1`, "error: equals-ignore-case match pattern must be a string"},
		{`{"exactly":1}`, `1`, "error: exact match pattern must be a string"},
		{`{"":1}`, `1`, "error: Unrecognized match type "},
		{`["a"]`, `1`, "error: Match value must be String, number, true, false, or null"},
	} {
		event := `{"n":` + c.value + `}`
		if got := answer(`{"n":[`+c.condition+`]}`, event); got != c.answer {
			t.Errorf("%s against %s: %s, want %s", c.condition, c.value, got, c.answer)
		}
	}
}

func TestPatterns(t *testing.T) {
	for _, c := range []struct{ pattern, event, answer string }{
		// Paths.
		{`{"a":["x"],"a":{"b":["y"]}}`, `{"a":"x"}`, "false"},
		{`{"a":["x"],"a":{"b":["y"]}}`, `{"a":"x","a":{"b":"y"}}`, "true"},
		{`{"a.b":["x"],"a":{"b":["y"]}}`, `{"a":{"b":"y"}}`, "true"}, // written last
		{`{"a":{"b":["x"]},"a":{"c":["y"]}}`, `{"a":{"b":"x","c":"y"}}`, "true"},
		{`{"a":{"b.c":["x"]}}`, `{"a.b":{"c":"x"}}`, "true"},
		{`{"":{"a":["x"]}}`, `{"a":"x"}`, "true"}, // an empty path leaves no dot
		{`{"a":["x"]}`, `{"A":"x"}`, "false"},
		// One element of an array for all fields in it, in the order of paths.
		{`{"i":{"a":[1],"b":[{"exists":false}]}}`, `{"i":[{"a":1},{"a":2,"b":2}]}`, "true"},
		{`{"i":{"a":[{"exists":false}],"b":[2]}}`, `{"i":[{"a":1},{"b":2}]}`, "false"},
		{`{"i":{"a":[1],"b":[2]}}`, `{"i":[[{"a":1,"b":2}]]}`, "true"},
		{`{"i":{"a":[1],"b":[2]}}`, `{"i":[[{"a":1},{"b":2}]]}`, "false"},
		{`{"i":{"a":{"x":[1]},"a":{"y":[2]},"b":[3]}}`, `{"i":[{"a":[{"x":1},{"y":2}],"b":3}]}`, "false"},
		{`{"i":{"a":{"x":[1],"y":[2]},"b":[3]}}`, `{"i":[{"a":[{"x":1,"y":2}],"b":0},{"a":[{"x":1},{"x":1,"y":2}],"b":3}]}`, "true"},
		{`{"i":{"a":[1],"b":[2]}}`, `{"i":[{"a":1}],"i":[{"b":2}]}`, "true"}, // two arrays
		{`{"n":["a"],"m":["c"]}`, `{"n":["a","b"],"m":["c"]}`, "true"},
		{`{"i":["s"],"i.a":[1]}`, `{"i":["s",{"a":1}]}`, "true"}, // a scalar is in no element
		// $or.
		{`{"$or":[{"a":[1]},{"b":[2]}],"$or":[{"c":[3]},{"d":[4]}]}`, `{"b":2,"c":3}`, "true"},
		{`{"$or":[{"a":[1]},{"b":[2]}],"$or":[{"c":[3]},{"d":[4]}]}`, `{"a":1,"b":2}`, "false"},
		{`{"$or":[{"a":[1],"a":[2]},{"b":[2]}]}`, `{"a":1}`, "false"},
		{`{"$or":[{"a":[1],"a":[2]},{"b":[2]}]}`, `{"a":2}`, "true"},
		{`{"x":{"$or":[{"y":{"$or":[{"a":[1]},{"b":[2]}]}},{"c":[3]}]}}`, `{"x":{"y":{"b":2}}}`, "true"},
		{`{"$or":[{"a":[1]},2]}`, `{}`, "error: Only JSON object is allowed in array of $or relationship."},
		{`{"$or":[{"a":[1]},{}]}`, `{}`, "error: Empty objects are not allowed"},
		{`{"$or":[{"a":1},{"b":[1]}]}`, `{}`, `error: "a" must be an object or an array`},
		{`{"$or":[{"a":{"cidr":[1]}},{"b":[1]}]}`, `{}`, "error: cidr is Ruler reserved fieldName which cannot be used inside $or."},
		{`{"$or":[{"in-date-range":[1]},{"b":[1]}]}`, `{}`, "error: in-date-range is Ruler reserved fieldName which cannot be used inside $or."},
		{`{"cidr":[1],"$or":[{"a":[1]},{"b":[1]}]}`, `{"cidr":1,"b":1}`, "true"},
		{`{"$or":"a"}`, `{}`, "error: It must be an Array followed with $or."},
		// JSON, as AWS's parser reads it.
		{``, `{}`, "error: Filter is not an object"},
		{` `, `{}`, "error: Filter is not an object"},
		{`null`, `{}`, "error: Filter is not an object"},
		{`{"a":[1]}}`, `{"a":1} x`, "true"},
		{`{"a":"x" oops`, `{}`, `error: "a" must be an object or an array`}, // the first fault in reading order
		{`{"a":[01]}`, `{}`, "error: Invalid numeric value: Leading zeroes not allowed"},
		{`{"a":[1 2]}`, `{}`, "error: Unexpected character ('2' (code 50)): was expecting comma to separate Array entries"},
		{`{"a":[1] "b":[2]}`, `{}`, `error: Unexpected character ('"' (code 34)): was expecting comma to separate Object entries`},
		{`{"a":[1],}`, `{}`, "error: Unexpected character ('}' (code 125)): was expecting double-quote to start field name"},
		{`{"a" [1]}`, `{}`, "error: Unexpected character ('[' (code 91)): was expecting a colon to separate field name and value"},
		{`{"a":[tru]}`, `{}`, "error: Unrecognized token 'tru': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"},
		{"{\"a\":[\"\t\"]}", `{}`, "error: Illegal unquoted character ((CTRL-CHAR, code 9)): has to be escaped using backslash to be included in string value"},
		{`{"a":["\x"]}`, `{}`, "error: Unrecognized character escape 'x' (code 120)"},
		{`{"a":[1`, `{}`, `error: Unexpected end-of-input: expected close marker for Array (start marker at [Source: (String)"{"a":[1"; line: 1, column: 6])`},
	} {
		if got := answer(c.pattern, c.event); got != c.answer {
			t.Errorf("%s\nagainst %s: %s, want %s", c.pattern, c.event, got, c.answer)
		}
	}
}
