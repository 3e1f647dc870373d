package jsonschema

import (
	"net/url"
	"strings"
)

// resolveURI resolves a reference against a base, and returns the URI without
// its fragment, and the fragment decoded.
func resolveURI(base, reference string) (uri, fragment string, err error) {
	reference, fragment, _ = strings.Cut(reference, "#")
	if fragment, err = url.PathUnescape(fragment); err != nil {
		return "", "", err
	}
	if reference == "" {
		return base, fragment, nil
	}
	r, err := url.Parse(reference)
	if err != nil {
		return "", "", err
	}
	if !r.IsAbs() && base != "" {
		b, err := url.Parse(base)
		if err != nil {
			return "", "", err
		}
		r = b.ResolveReference(r)
	}
	return r.String(), fragment, nil
}
