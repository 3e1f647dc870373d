package jsonschema

import (
	"embed"
	"strings"
)

// The metaschemas, as published at json-schema.org, without white space.
//
//go:embed metaschema/*.json
var metaschemas embed.FS

// draftOf returns the draft whose metaschema has a URI.
func draftOf(uri string) (draft, bool) {
	name, ok := strings.CutPrefix(uri, "https://")
	if !ok {
		name, ok = strings.CutPrefix(uri, "http://")
	}
	if !ok {
		return 0, false
	}
	switch name {
	case "json-schema.org/draft-04/schema":
		return draft4, true
	case "json-schema.org/draft-06/schema":
		return draft6, true
	case "json-schema.org/draft-07/schema":
		return draft7, true
	case "json-schema.org/draft/2019-09/schema":
		return draft2019, true
	case "json-schema.org/draft/2020-12/schema", "json-schema.org/schema":
		return draft2020, true
	}
	return 0, false
}

// metaschema returns the text of a metaschema, or of a part of one.
func metaschema(uri string) ([]byte, bool) {
	name, ok := strings.CutPrefix(uri, "https://json-schema.org/")
	if !ok {
		name, ok = strings.CutPrefix(uri, "http://json-schema.org/")
	}
	if !ok {
		return nil, false
	}
	text, err := metaschemas.ReadFile("metaschema/" + strings.ReplaceAll(name, "/", ".") + ".json")
	return text, err == nil
}

// vocabularyOf returns the vocabulary that has a URI.
func vocabularyOf(uri string) (vocabulary, bool) {
	name, ok := strings.CutPrefix(uri, "https://json-schema.org/draft/2019-09/vocab/")
	if !ok {
		name, ok = strings.CutPrefix(uri, "https://json-schema.org/draft/2020-12/vocab/")
	}
	if !ok {
		return 0, false
	}
	switch name {
	case "core":
		return core, true
	case "applicator":
		if strings.Contains(uri, "2019") {
			return applicator | unevaluated, true
		}
		return applicator, true
	case "unevaluated":
		return unevaluated, true
	case "validation":
		return validation, true
	case "meta-data":
		return metaData, true
	case "format", "format-annotation", "format-assertion":
		return formatKeyword, true
	case "content":
		return content, true
	}
	return 0, false
}
