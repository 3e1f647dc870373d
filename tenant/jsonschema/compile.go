package jsonschema

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"
)

// Options configures [Compile]; the zero value uses the defaults.
type Options struct {
	// URI is the base URI of the schema, for references that are relative to it.
	URI string
	// Load returns the text of another schema. Without it, references lead to
	// the schema itself and to the metaschemas only.
	Load func(uri string) (text []byte, ok bool)
	// MaxDepth is how deep documents may be nested; 0 means 64.
	MaxDepth int
	// Unknown is called for each keyword and format of the schema that its draft does
	// not define and that is therefore ignored, except for keywords that begin with x-.
	Unknown func(Unknown)
	// MaxSteps is how many steps a check may take; 0 means [DefaultSteps].
	MaxSteps int
}

// Unknown is a keyword or a format that is ignored.
type Unknown struct {
	// Pointer is the JSON Pointer of the keyword.
	Pointer string
	// Name is the name of the keyword or, if Format is true, of the format.
	Name   string
	Format bool
	// Known are the names that are defined.
	Known []string
}

// DefaultSteps is how many steps a check may take by default. A step takes about
// 10 ns, and at most about 100 ns.
const DefaultSteps = 10_000_000

// Compile compiles a schema. The error is a [*CompileError], a [*SyntaxError] or
// a [*LimitError]. The text must not be changed afterwards.
func Compile(text []byte, o *Options) (*Schema, error) {
	c := compiler{dynamicNames: map[string]int{}}
	if o != nil {
		c.options = *o
	}
	s := &Schema{maxDepth: cmp.Or(c.options.MaxDepth, 64), maxSteps: cmp.Or(c.options.MaxSteps, DefaultSteps), seed: maphash.MakeSeed()}
	c.schema = s
	own, err := c.parse(text)
	if err != nil {
		return nil, err
	}
	c.own = own
	c.index(own, cmp.Or(c.options.URI, defaultURI), dialect{draft2020, everyVocabulary})
	s.root = c.use(own.schemas[0], nil)
	c.compileQueue()
	c.findCycles()
	// Definitions that nothing refers to are compiled for their errors; a
	// reference that leads nowhere is none, since nothing follows it.
	c.unreferenced = true
	for _, sub := range own.schemas {
		if sub != nil {
			c.use(sub, nil)
		}
	}
	c.compileQueue()
	if len(c.diagnostics) > 0 {
		slices.SortStableFunc(c.diagnostics, func(a, b located) int { return cmp.Compare(a.node, b.node) })
		e := &CompileError{}
		for _, d := range c.diagnostics {
			e.Diagnostics = append(e.Diagnostics, d.Diagnostic)
		}
		e.Diagnostics = slices.Compact(e.Diagnostics)
		return nil, e
	}
	c.finish()
	// The program needs the texts of its sources, for locations, but not these.
	own.schemas = nil
	for _, loaded := range c.sources {
		if loaded != nil {
			loaded.schemas = nil
		}
	}
	return s, nil
}

// defaultURI is the base URI of a schema without one, so that a reference to a
// relative $id within it can be followed.
const defaultURI = "schema:///"

type compiler struct {
	options Options
	schema  *Schema
	own     *source
	parser  parser
	sources map[string]*source // loaded, by URI
	// resources are those of all sources by URI.
	resources map[string]*resource
	queue     []*schema
	program   []*schema
	// patterns are the compiled patterns by their source.
	patterns     map[string]*pattern
	patternSize  int
	dynamicNames map[string]int
	dynamicRefs  []dynamicReference
	diagnostics  []located
	unreferenced bool
}

type dynamicReference struct {
	by     *schema
	anchor string
}

type located struct {
	Diagnostic
	node int32
}

// fail adds a diagnostic for a value of the schema.
func (c *compiler) fail(s *source, n int32, message string) {
	if s.uri != "" {
		message = "leads to " + strconv.Quote(s.location(n)) + ", which " + message
		n = 0
	}
	c.diagnostics = append(c.diagnostics, located{Diagnostic{Pointer: c.own.pointer(n), Message: message}, n})
}

func (c *compiler) parse(text []byte) (*source, error) {
	s := &source{}
	s.nodes = make([]node, 0, 16+len(text)/8)
	if err := c.parser.parse(&s.document, text, c.schema.maxDepth); err != nil {
		return nil, err
	}
	s.nodes = slices.Clone(s.nodes) // without spare room, since they stay in memory
	s.schemas = make([]*schema, len(s.nodes))
	return s, nil
}

// load returns a source by its URI, indexed; nil where there is none. The dialect
// is that of a source without $schema.
func (c *compiler) load(uri string, d dialect) *source {
	if s, ok := c.sources[uri]; ok {
		return s
	}
	if c.sources == nil {
		c.sources = map[string]*source{}
	}
	text, ok := metaschema(uri)
	if !ok && c.options.Load != nil {
		text, ok = c.options.Load(uri)
	}
	if !ok {
		c.sources[uri] = nil
		return nil
	}
	s, err := c.parse(text)
	if err != nil {
		c.sources[uri] = nil
		return nil
	}
	s.uri = uri
	c.sources[uri] = s
	c.index(s, uri, d)
	return s
}

// use puts a schema into the program, as a part of another.
func (c *compiler) use(s *schema, by *schema) *schema {
	if by != nil {
		s.uses++
		by.below = true
	}
	if !s.used {
		s.used = true
		c.queue = append(c.queue, s)
	}
	return s
}

func (c *compiler) compileQueue() {
	for len(c.queue) > 0 {
		s := c.queue[len(c.queue)-1]
		c.queue = c.queue[:len(c.queue)-1]
		c.program = append(c.program, s)
		c.compile(s)
	}
}

// reportUnknown reports a keyword of s, or a format, that is ignored.
func reportUnknown(c *compiler, s *schema, keyword, format string) {
	if c.options.Unknown == nil || s.source != c.own || strings.HasPrefix(keyword, "x-") || slices.Contains(formatNames, format) {
		return
	}
	u := Unknown{Pointer: c.own.pointer(s.node) + "/" + escapeToken.Replace(keyword), Name: keyword, Known: keywordNames(s.resource.dialect)}
	if format != "" {
		u.Name, u.Format, u.Known = format, true, formatNames
	}
	c.options.Unknown(u)
}

var escapeToken = strings.NewReplacer("~", "~0", "/", "~1")

// findCycles refuses schemas that apply themselves to the same value without
// end.
func (c *compiler) findCycles() {
	for _, d := range c.dynamicRefs {
		if targets := c.dynamicTargets(d.anchor); len(targets) == 1 {
			d.by.inPlace = append(d.by.inPlace, targets[0])
		}
	}
	const open, closed = 1, 2
	state := map[*schema]int{}
	var visit func(s *schema)
	visit = func(s *schema) {
		state[s] = open
		for _, sub := range s.inPlace {
			switch state[sub] {
			case 0:
				visit(sub)
			case open:
				c.fail(sub.source, sub.node, "refers to itself without end: no value can be checked")
			}
		}
		state[s] = closed
	}
	for _, s := range c.program {
		if len(s.inPlace) > 0 && state[s] == 0 {
			visit(s)
		}
	}
}

// dynamicTargets returns the schemas of the program that a dynamic reference may
// lead to.
func (c *compiler) dynamicTargets(anchor string) (targets []*schema) {
	for _, r := range c.resources {
		if s := r.dynamicAnchors[anchor]; s != nil && s.used && !slices.Contains(targets, s) {
			targets = append(targets, s)
		}
	}
	return targets
}

// finish decides whose results are kept, and numbers schemas and dynamic anchors.
func (c *compiler) finish() {
	for i, s := range c.program {
		s.index = int32(i + 1)
	}
	resources := []*resource{}
	for _, s := range c.program {
		if r := s.resource; r.index == 0 {
			resources = append(resources, r)
			r.index = int32(len(resources))
			for name, target := range r.dynamicAnchors {
				if i, ok := c.dynamicNames[name]; ok && target.used {
					r.dynamic = append(r.dynamic, dynamicAnchor{i, target})
				}
			}
		}
	}
	c.schema.dynamic = len(c.dynamicNames)
	for _, s := range c.program {
		s.memo = s.closing || s.below && s.uses > 1
	}
}
