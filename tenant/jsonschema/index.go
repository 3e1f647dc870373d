package jsonschema

import "strconv"

// index finds the schemas, resources and anchors of a source.
func (c *compiler) index(s *source, uri string, d dialect) {
	root := &resource{source: s, base: uri, dialect: d}
	s.resources = append(s.resources, root)
	c.addResource(uri, root)
	c.indexSchema(s, 0, root)
}

func (c *compiler) addResource(uri string, r *resource) {
	if c.resources == nil {
		c.resources = map[string]*resource{}
	}
	if have, ok := c.resources[uri]; ok && have != r && have.source == r.source && have.node != r.node {
		c.fail(r.source, r.node, "has the same URI as another schema: "+strconv.Quote(uri))
		return
	}
	c.resources[uri] = r
}

// indexSchema indexes the schema at n and those below it.
func (c *compiler) indexSchema(s *source, n int32, r *resource) {
	if s.schemas[n] != nil {
		return
	}
	sub := &schema{source: s, node: n}
	s.schemas[n] = sub
	if s.nodes[n].kind == kindObject {
		r = c.identify(sub, r)
	}
	sub.resource = r
	if s.nodes[n].kind != kindObject {
		return
	}
	for m := n + 1; m < s.nodes[n].next; m = s.nodes[m+1].next {
		if k := keywordOf(s.str(m), r.dialect); k >= 0 && k.hasSchemas() {
			eachSchema(s, m+1, keywords[k].shape, func(below int32) { c.indexSchema(s, below, r) })
		}
	}
}

// eachSchema visits the schemas in the value of a keyword, where they have the
// right form.
func eachSchema(s *source, n int32, form shape, visit func(int32)) {
	k := s.nodes[n].kind
	switch {
	case form == aSchema, form == schemaOrBool, form == items && k != kindArray:
		visit(n)
	case (form == schemas || form == items) && k == kindArray:
		for e := n + 1; e < s.nodes[n].next; e = s.nodes[e].next {
			visit(e)
		}
	case (form == schemaMap || form == dependencies) && k == kindObject:
		for m := n + 1; m < s.nodes[n].next; m = s.nodes[m+1].next {
			if form == schemaMap || s.nodes[m+1].kind != kindArray {
				visit(m + 1)
			}
		}
	}
}

// identify reads what names a schema, and returns the resource that it belongs
// to.
func (c *compiler) identify(sub *schema, r *resource) *resource {
	s, n := sub.source, sub.node
	texts := [5]string{}
	at := [len(texts)]int32{}
	var isRecursive, hasRef bool
	for m := n + 1; m < s.nodes[n].next; m = s.nodes[m+1].next {
		name := s.str(m)
		if len(name) == 0 || name[0] != '$' && name[0] != 'i' {
			continue
		}
		i := -1
		switch string(name) {
		case "$schema":
			i = 0
		case "$id":
			i = 1
		case "id":
			i = 2
		case "$anchor":
			i = 3
		case "$dynamicAnchor":
			i = 4
		case "$recursiveAnchor":
			isRecursive = s.nodes[m+1].kind == kindTrue
		case "$ref":
			hasRef = true
		}
		if i >= 0 && s.nodes[m+1].kind == kindString {
			texts[i], at[i] = string(s.str(m+1)), m+1
		}
	}
	d := r.dialect
	if texts[0] != "" && (n == r.node || texts[1] != "" || texts[2] != "") {
		d = c.dialect(s, at[0], texts[0], d)
	}
	if n == 0 {
		r.dialect = d
	}
	id, idAt := texts[1], at[1]
	if d.draft == draft4 {
		id, idAt = texts[2], at[2]
	}
	if d.draft <= draft7 && hasRef {
		id = "" // whatever is beside $ref is ignored
	}
	anchor := ""
	if id != "" {
		uri, fragment, err := resolveURI(r.base, id)
		switch {
		case err != nil:
			c.fail(s, idAt, "must be a URI-reference")
		case d.draft > draft7 && fragment != "":
			c.fail(s, idAt, "must not have a fragment; use $anchor for a name within the schema")
		default:
			anchor = fragment
			if uri != r.base || n != r.node && fragment == "" {
				if n != 0 {
					r = &resource{source: s, node: n}
					s.resources = append(s.resources, r)
				}
				r.base, r.dialect = uri, d
				c.addResource(uri, r)
			}
		}
	}
	if anchor != "" && anchor[0] != '/' {
		c.addAnchor(r, anchor, sub, idAt)
	}
	if d.draft >= draft2019 && texts[3] != "" {
		c.addAnchor(r, texts[3], sub, at[3])
	}
	if d.draft >= draft2020 && texts[4] != "" {
		c.addAnchor(r, texts[4], sub, at[4])
		r.addDynamic(texts[4], sub)
	}
	if d.draft == draft2019 && isRecursive && n == r.node {
		r.addDynamic("", sub)
	}
	return r
}

func (c *compiler) addAnchor(r *resource, name string, s *schema, at int32) {
	if r.anchors == nil {
		r.anchors = map[string]*schema{}
	}
	if have, ok := r.anchors[name]; ok && have != s {
		c.fail(s.source, at, "names an anchor that another schema has: "+strconv.Quote(name))
		return
	}
	r.anchors[name] = s
}

func (r *resource) addDynamic(name string, s *schema) {
	if r.dynamicAnchors == nil {
		r.dynamicAnchors = map[string]*schema{}
	}
	r.dynamicAnchors[name] = s
}

// dialect returns the dialect that $schema names.
func (c *compiler) dialect(s *source, at int32, schemaURI string, outer dialect) dialect {
	uri, fragment, err := resolveURI("", schemaURI)
	if err != nil || fragment != "" {
		c.fail(s, at, "refers to "+strconv.Quote(schemaURI)+": "+notLoaded)
		return outer
	}
	if d, ok := draftOf(uri); ok {
		return dialect{d, everyVocabulary}
	}
	if uri == s.uri {
		return outer
	}
	if meta := c.load(uri, outer); meta != nil {
		d := meta.resources[0].dialect
		if v, ok := meta.member(0, "$vocabulary"); ok && d.draft >= draft2019 && meta.nodes[v].kind == kindObject {
			d.vocabularies = core | formatKeyword // formats are always asserted
			for m := v + 1; m < meta.nodes[v].next; m = meta.nodes[m+1].next {
				known, _ := vocabularyOf(string(meta.str(m)))
				d.vocabularies |= known
			}
		}
		return d
	}
	c.fail(s, at, "refers to "+strconv.Quote(schemaURI)+": "+notLoaded)
	return outer
}

const notLoaded = "only references within the file, and to the drafts of JSON Schema, are followed; put what is referred to under $defs"
