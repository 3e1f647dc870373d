package jsonschema

// A draft is a version of JSON Schema, in order of publication.
type draft uint8

const (
	draft4 draft = iota
	draft6
	draft7
	draft2019
	draft2020
)

// A vocabulary is a set of keywords that a custom metaschema can leave out.
type vocabulary uint8

const (
	core vocabulary = 1 << iota
	applicator
	unevaluated
	validation
	metaData
	formatKeyword
	content
	everyVocabulary = core | applicator | unevaluated | validation | metaData | formatKeyword | content
)

// A shape says what the value of a keyword must be.
type shape uint8

const (
	anything     shape = iota
	aString            // a string
	aURI               // a URI-reference
	anAnchor           // a plain name
	aBoolean           // true or false
	aNumber            // a number
	aPositive          // a number above 0
	aCount             // an integer, 0 or more
	aList              // an array
	names              // an array of strings, each once
	aSchema            // a schema
	schemaOrBool       // a schema; in draft 4, also true or false
	schemas            // an array of schemas, not empty
	schemaMap          // an object whose members are schemas
	items              // a schema or an array of schemas
	dependencies       // an object of schemas and arrays of names
	nameMap            // an object of arrays of names
	booleanMap         // an object of booleans
	aType              // the name of a type, or an array of them
	values             // an array for enum
)

// A keyword is an index of the table keywords.
type keyword int8

const (
	kwID keyword = iota
	kwOldID
	kwSchema
	kwRef
	kwDynamicRef
	kwRecursiveRef
	kwAnchor
	kwDynamicAnchor
	kwRecursiveAnchor
	kwVocabulary
	kwComment
	kwDefs
	kwDefinitions
	kwType
	kwEnum
	kwConst
	kwMultipleOf
	kwMaximum
	kwExclusiveMaximum
	kwOldExclusiveMaximum
	kwMinimum
	kwExclusiveMinimum
	kwOldExclusiveMinimum
	kwMaxLength
	kwMinLength
	kwPattern
	kwFormat
	kwItems
	kwOldItems
	kwAdditionalItems
	kwPrefixItems
	kwMaxItems
	kwMinItems
	kwUniqueItems
	kwContains
	kwMinContains
	kwMaxContains
	kwMaxProperties
	kwMinProperties
	kwRequired
	kwProperties
	kwPatternProperties
	kwAdditionalProperties
	kwPropertyNames
	kwDependencies
	kwDependentSchemas
	kwDependentRequired
	kwAllOf
	kwAnyOf
	kwOneOf
	kwNot
	kwIf
	kwThen
	kwElse
	kwUnevaluatedItems
	kwUnevaluatedProperties
	kwTitle
	kwDescription
	kwDefault
	kwDeprecated
	kwReadOnly
	kwWriteOnly
	kwExamples
	kwContentMediaType
	kwContentEncoding
	kwContentSchema
	keywordCount
)

// keywords says where each keyword exists and what its value must be.
var keywords = [keywordCount]struct {
	name        string
	first, last draft
	vocabulary  vocabulary
	shape       shape
}{
	kwID:                    {"$id", draft6, draft2020, core, aURI},
	kwOldID:                 {"id", draft4, draft4, core, aString},
	kwSchema:                {"$schema", draft4, draft2020, core, aURI},
	kwRef:                   {"$ref", draft4, draft2020, core, aURI},
	kwDynamicRef:            {"$dynamicRef", draft2020, draft2020, core, aURI},
	kwRecursiveRef:          {"$recursiveRef", draft2019, draft2019, core, aURI},
	kwAnchor:                {"$anchor", draft2019, draft2020, core, anAnchor},
	kwDynamicAnchor:         {"$dynamicAnchor", draft2020, draft2020, core, anAnchor},
	kwRecursiveAnchor:       {"$recursiveAnchor", draft2019, draft2019, core, aBoolean},
	kwVocabulary:            {"$vocabulary", draft2019, draft2020, core, booleanMap},
	kwComment:               {"$comment", draft7, draft2020, core, aString},
	kwDefs:                  {"$defs", draft2019, draft2020, core, schemaMap},
	kwDefinitions:           {"definitions", draft4, draft2020, core, schemaMap},
	kwType:                  {"type", draft4, draft2020, validation, aType},
	kwEnum:                  {"enum", draft4, draft2020, validation, values},
	kwConst:                 {"const", draft6, draft2020, validation, anything},
	kwMultipleOf:            {"multipleOf", draft4, draft2020, validation, aPositive},
	kwMaximum:               {"maximum", draft4, draft2020, validation, aNumber},
	kwExclusiveMaximum:      {"exclusiveMaximum", draft6, draft2020, validation, aNumber},
	kwOldExclusiveMaximum:   {"exclusiveMaximum", draft4, draft4, validation, aBoolean},
	kwMinimum:               {"minimum", draft4, draft2020, validation, aNumber},
	kwExclusiveMinimum:      {"exclusiveMinimum", draft6, draft2020, validation, aNumber},
	kwOldExclusiveMinimum:   {"exclusiveMinimum", draft4, draft4, validation, aBoolean},
	kwMaxLength:             {"maxLength", draft4, draft2020, validation, aCount},
	kwMinLength:             {"minLength", draft4, draft2020, validation, aCount},
	kwPattern:               {"pattern", draft4, draft2020, validation, aString},
	kwFormat:                {"format", draft4, draft2020, formatKeyword, aString},
	kwItems:                 {"items", draft2020, draft2020, applicator, aSchema},
	kwOldItems:              {"items", draft4, draft2019, applicator, items},
	kwAdditionalItems:       {"additionalItems", draft4, draft2019, applicator, schemaOrBool},
	kwPrefixItems:           {"prefixItems", draft2020, draft2020, applicator, schemas},
	kwMaxItems:              {"maxItems", draft4, draft2020, validation, aCount},
	kwMinItems:              {"minItems", draft4, draft2020, validation, aCount},
	kwUniqueItems:           {"uniqueItems", draft4, draft2020, validation, aBoolean},
	kwContains:              {"contains", draft6, draft2020, applicator, aSchema},
	kwMinContains:           {"minContains", draft2019, draft2020, validation, aCount},
	kwMaxContains:           {"maxContains", draft2019, draft2020, validation, aCount},
	kwMaxProperties:         {"maxProperties", draft4, draft2020, validation, aCount},
	kwMinProperties:         {"minProperties", draft4, draft2020, validation, aCount},
	kwRequired:              {"required", draft4, draft2020, validation, names},
	kwProperties:            {"properties", draft4, draft2020, applicator, schemaMap},
	kwPatternProperties:     {"patternProperties", draft4, draft2020, applicator, schemaMap},
	kwAdditionalProperties:  {"additionalProperties", draft4, draft2020, applicator, schemaOrBool},
	kwPropertyNames:         {"propertyNames", draft6, draft2020, applicator, aSchema},
	kwDependencies:          {"dependencies", draft4, draft2020, applicator, dependencies},
	kwDependentSchemas:      {"dependentSchemas", draft2019, draft2020, applicator, schemaMap},
	kwDependentRequired:     {"dependentRequired", draft2019, draft2020, validation, nameMap},
	kwAllOf:                 {"allOf", draft4, draft2020, applicator, schemas},
	kwAnyOf:                 {"anyOf", draft4, draft2020, applicator, schemas},
	kwOneOf:                 {"oneOf", draft4, draft2020, applicator, schemas},
	kwNot:                   {"not", draft4, draft2020, applicator, aSchema},
	kwIf:                    {"if", draft7, draft2020, applicator, aSchema},
	kwThen:                  {"then", draft7, draft2020, applicator, aSchema},
	kwElse:                  {"else", draft7, draft2020, applicator, aSchema},
	kwUnevaluatedItems:      {"unevaluatedItems", draft2019, draft2020, unevaluated, aSchema},
	kwUnevaluatedProperties: {"unevaluatedProperties", draft2019, draft2020, unevaluated, aSchema},
	kwTitle:                 {"title", draft4, draft2020, metaData, aString},
	kwDescription:           {"description", draft4, draft2020, metaData, aString},
	kwDefault:               {"default", draft4, draft2020, metaData, anything},
	kwDeprecated:            {"deprecated", draft2019, draft2020, metaData, aBoolean},
	kwReadOnly:              {"readOnly", draft7, draft2020, metaData, aBoolean},
	kwWriteOnly:             {"writeOnly", draft7, draft2020, metaData, aBoolean},
	kwExamples:              {"examples", draft6, draft2020, metaData, aList},
	kwContentMediaType:      {"contentMediaType", draft7, draft2020, content, aString},
	kwContentEncoding:       {"contentEncoding", draft7, draft2020, content, aString},
	kwContentSchema:         {"contentSchema", draft2019, draft2020, content, aSchema},
}

// keywordOf finds the keyword of a name; -1 where the dialect has none.
func keywordOf(name []byte, d dialect) keyword {
	for k := range keywords {
		if w := &keywords[k]; len(w.name) == len(name) && w.name == string(name) &&
			w.first <= d.draft && d.draft <= w.last && w.vocabulary&d.vocabularies != 0 {
			return keyword(k)
		}
	}
	return -1
}

// keywordNames returns the names of the keywords of a dialect.
func keywordNames(d dialect) []string {
	var list []string
	for k := range keywords {
		if w := &keywords[k]; w.first <= d.draft && d.draft <= w.last && w.vocabulary&d.vocabularies != 0 {
			list = append(list, w.name)
		}
	}
	return list
}

// A dialect is a draft and those of its vocabularies that apply.
type dialect struct {
	draft        draft
	vocabularies vocabulary
}

// hasSchema reports whether the keyword's value holds schemas.
func (k keyword) hasSchemas() bool {
	switch keywords[k].shape {
	case aSchema, schemaOrBool, schemas, schemaMap, items, dependencies:
		return true
	}
	return false
}
