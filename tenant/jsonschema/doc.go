// Package jsonschema checks JSON texts against JSON Schemas, with a bound on the
// work of every check.
//
// [Compile] translates a schema into a program once; [Schema.Validate] runs it on
// the text of a document, without decoding the document into Go values:
//
//	s, err := jsonschema.Compile(schema, nil)
//	err = s.Validate(ctx, document)
//
// # Dialects
//
// Drafts 4, 6, 7, 2019-09 and 2020-12 are supported, as $schema says; without it
// a schema is of 2020-12. The official test suite passes, required and optional
// parts, apart from these differences:
//
//   - Formats are asserted in every draft: date-time, date, time, duration,
//     period, email, hostname, ipv4, ipv6, uri, uri-reference, iri,
//     iri-reference, uri-template, uuid, json-pointer, relative-json-pointer,
//     regex and semver. Labels of a hostname that begin with xn-- are not decoded.
//   - The formats idn-email and idn-hostname are not asserted, nor is any other.
//   - contentEncoding, contentMediaType and contentSchema are annotations.
//   - 1.0 is an integer in draft 4 too.
//   - A schema that applies itself to the same value without end is refused when
//     it is compiled. What such a schema means is not defined.
//
// Numbers are compared exactly, however many digits they have. Patterns are
// regular expressions of ECMA-262 with Unicode semantics. They are translated to
// those of package regexp, which take linear time; an expression that has no
// exact translation does not compile: lookahead, lookbehind, back-references,
// more than 1000 repetitions, and Unicode properties other than general
// categories and scripts.
//
// References lead to places within the schema, to the metaschemas, and to what
// [Options.Load] returns; files and network are never read.
//
// # Bounds
//
// A check counts steps, not time, so that one schema and document have the same
// result on every machine. A step takes from 5 to 100 ns: applying a keyword,
// reading 2 to 32 bytes of a string or number, comparing two values. Results are
// kept by schema and place in the document, where several references lead to a
// schema, so that branches that double at every level take linear time. A check
// that runs out of steps returns a [*LimitError] that names the schema.
//
// The context is looked at every 100,000 steps. Its error is returned as it is: it
// says nothing about the document.
//
// Further bounds: documents are nested at most 64 deep, unless [Options.MaxDepth]
// says otherwise, and have at most 1 GiB; a number has at most 4000 digits and an
// exponent within ±4000, and all numbers of a document, written out, have at most
// 2 Mi digits; the regular expressions of a schema have at most 65,536
// instructions, repetitions written out; at most 10,000 violations are listed.
package jsonschema
