package jsonschema

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func mustCompile(t testing.TB, schema string) *Schema {
	t.Helper()
	s, err := Compile([]byte(schema), nil)
	if err != nil {
		t.Fatalf("%.200s: %v", schema, err)
	}
	return s
}

// steps checks a document and returns the steps that the check itself took.
func steps(t testing.TB, s *Schema, doc string) (int, error) {
	t.Helper()
	r := &run{schema: s, ctx: context.Background()}
	if err := r.parser.parse(&r.doc, []byte(doc), s.maxDepth); err != nil {
		t.Fatal(err)
	}
	r.begin()
	err := func() (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = p.(stopped).err
			}
		}()
		if !r.valid(s.root, 0) {
			err = errors.New("not valid")
		}
		return err
	}()
	return s.maxSteps - r.steps, err
}

// allocated returns the bytes that f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// An object whose members two similar branches check took 2^depth steps, and
// 6.2 GB for its violations.
func TestRecursiveBranchesAreLinear(t *testing.T) {
	const schema = `{"$ref":"#/$defs/n","$defs":{"n":{"anyOf":[` +
		`{"type":"object","properties":{"a":{"$ref":"#/$defs/n"}},"required":["b"]},` +
		`{"type":"object","properties":{"a":{"$ref":"#/$defs/n"}},"required":["c"],"minProperties":1}]}}}`
	if len(schema) > 225 {
		t.Fatalf("the schema has %d bytes", len(schema))
	}
	s := mustCompile(t, schema)
	nested := func(depth int, leaf string) string {
		return strings.Repeat(`{"a":`, depth) + leaf + strings.Repeat("}", depth)
	}
	var took [3]int
	for i, depth := range []int{14, 28, 56} {
		doc := nested(depth, "1")
		n, err := steps(t, s, doc)
		if err == nil || n > 100*depth {
			t.Errorf("depth %d: %d steps, %v", depth, n, err)
		}
		took[i] = n
		bytes := allocated(func() { err = s.Validate(context.Background(), []byte(doc)) })
		invalid, ok := errors.AsType[*ValidationError](err)
		if !ok || bytes > 4<<20 {
			t.Errorf("depth %d: %d bytes allocated, %v", depth, bytes, err)
			continue
		}
		want := Violation{Pointer: strings.Repeat("/a", depth), Schema: "/$defs/n/anyOf/0/type", Message: "must be an object, not a number"}
		if !slices.Contains(invalid.Violations, want) || len(invalid.Violations) != 2*depth+1 {
			t.Errorf("depth %d: violations %+v", depth, invalid.Violations)
		}
	}
	if took[2] > 5*took[0] {
		t.Errorf("steps grow more than linearly: %v", took)
	}
}

func TestDoubledReferencesAreLinear(t *testing.T) {
	doubled := func(levels int, leaf string) string {
		var b strings.Builder
		b.WriteString(`{"$ref":"#/$defs/d0","$defs":{`)
		for i := range levels {
			fmt.Fprintf(&b, `"d%d":{"allOf":[{"$ref":"#/$defs/d%d"},{"$ref":"#/$defs/d%d"}]},`, i, i+1, i+1)
		}
		fmt.Fprintf(&b, `"d%d":%s}}`, levels, leaf)
		return b.String()
	}
	for leaf, docs := range map[string][2]string{
		`{"type":"integer"}`:                      {`1`, `"a"`},
		`{"properties":{"a":{"type":"integer"}}}`: {`{"a":1}`, `{"a":"x"}`},
		`{"unevaluatedProperties":false}`:         {`{}`, `{"a":"x"}`},
	} {
		s := mustCompile(t, doubled(24, leaf))
		for i, doc := range docs {
			n, err := steps(t, s, doc)
			if n > 5000 || (err == nil) != (i == 0) {
				t.Errorf("%s: %s: %d steps, %v", leaf, doc, n, err)
			}
			err = s.Validate(context.Background(), []byte(doc))
			if invalid, ok := errors.AsType[*ValidationError](err); (i == 1) != ok || ok && len(invalid.Violations) != 1 {
				t.Errorf("%s: %s: %v", leaf, doc, err)
			}
		}
	}
	// The same with what the references evaluate.
	s := mustCompile(t, strings.Replace(doubled(24, `{"properties":{"a":true}}`), "{", `{"unevaluatedProperties":false,`, 1))
	if n, err := steps(t, s, `{"a":1}`); err != nil || n > 20_000 {
		t.Errorf("unevaluatedProperties: %d steps, %v", n, err)
	}
	if n, err := steps(t, s, `{"a":1,"b":1}`); err == nil || n > 20_000 {
		t.Errorf("unevaluatedProperties: %d steps, %v", n, err)
	}
}

func TestManyPatternPropertiesAreBounded(t *testing.T) {
	var schema, doc strings.Builder
	schema.WriteString(`{"patternProperties":{`)
	for i := 0; schema.Len() < 71<<10; i++ {
		fmt.Fprintf(&schema, `"[a-f]%x.":{},`, i)
	}
	doc.WriteString(`{`)
	for i := range 20_000 {
		fmt.Fprintf(&doc, `"name%d":0,`, i)
	}
	text := []byte(strings.TrimSuffix(schema.String(), ",") + `},"title":"x"}`)
	var s *Schema
	var err error
	if n := allocated(func() { s, err = Compile(text, nil) }); err != nil || n > 64<<20 {
		t.Fatalf("compiling allocates %d bytes: %v", n, err)
	}
	err = s.Validate(context.Background(), []byte(strings.TrimSuffix(doc.String(), ",")+"}"))
	if limit, ok := errors.AsType[*LimitError](err); !ok || !limit.Steps || limit.Schema != "" {
		t.Errorf("20,000 names: %v", err)
	}
	if err := s.Validate(context.Background(), []byte(`{"name":0}`)); err != nil {
		t.Error(err)
	}
}

func TestUniqueItemsIsLinear(t *testing.T) {
	s := mustCompile(t, `{"uniqueItems":true}`)
	list := func(n int, last string, item func(i int) string) string {
		var b strings.Builder
		b.WriteByte('[')
		for i := range n {
			b.WriteString(item(i) + ",")
		}
		return b.String() + last + "]"
	}
	for name, item := range map[string]func(int) string{
		"numbers": strconv.Itoa,
		"strings": func(i int) string { return strconv.Quote(strconv.Itoa(i)) },
		"objects": func(i int) string { return fmt.Sprintf(`{"a":%d,"b":[1]}`, i) },
		"arrays":  func(i int) string { return fmt.Sprintf(`[%d,1e0]`, i) },
	} {
		if n, err := steps(t, s, list(100_000, "null", item)); err != nil || n > 5_000_000 {
			t.Errorf("%s: %d steps, %v", name, n, err)
		}
		err := s.Validate(context.Background(), []byte(list(100_000, item(7), item)))
		invalid, ok := errors.AsType[*ValidationError](err)
		if !ok || invalid.Violations[0].Message != "must not repeat an item, as items 7 and 100000 do" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLargeEnumIsConstant(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"items":{"enum":[`)
	for i := range 10_000 {
		fmt.Fprintf(&b, `"v%d",{"n":%d},%d.50,`, i, i, i)
	}
	s := mustCompile(t, b.String()+`null]}}`)
	doc := "[" + strings.Repeat(`"v9999",{"n":9999},9999.5,0.000000055e8,null,`, 2000) + `1.5]`
	if n, err := steps(t, s, doc); err != nil || n > 1_000_000 {
		t.Errorf("%d steps, %v", n, err)
	}
	for _, doc := range []string{`["v10000"]`, `[{"n":10000}]`, `[0.25]`, `[true]`, `[[]]`} {
		if _, err := steps(t, s, doc); err == nil {
			t.Errorf("%s is valid", doc)
		}
	}
}

func TestLargePatternIsBounded(t *testing.T) {
	ctx := context.Background()
	long := strings.Repeat("a", 64<<10-10)
	for _, c := range []struct{ name, pattern, refused string }{
		{"literal", long, ""},
		{"expression", strings.Repeat("[ab]", 16<<10), ""},
		{"alternatives", strings.Repeat("a|", 16<<10), ""},
		{"repetitions", strings.Repeat("a{1000}", 9000), "instructions"},
		{"nested repetitions", strings.Repeat("(", 60) + "a" + strings.Repeat("{2})", 60), "instructions"},
		{"classes", strings.Repeat(`\\p{L}`, 12000), "instructions"},
		{"groups", strings.Repeat("(", 32<<10) + strings.Repeat(")", 32<<10), "nested deeper"},
		{"brackets", strings.Repeat("[", 64<<10), "["},
	} {
		text := []byte(`{"items":{"pattern":"` + c.pattern + `"}}`)
		var s *Schema
		var err error
		if n := allocated(func() { s, err = Compile(text, nil) }); n > 64<<20 {
			t.Errorf("%s: compiling allocates %d bytes", c.name, n)
		}
		if c.refused != "" {
			invalid, ok := errors.AsType[*CompileError](err)
			if !ok || len(invalid.Diagnostics) != 1 || !strings.Contains(invalid.Diagnostics[0].Message, c.refused) || len(err.Error()) > 500 {
				t.Errorf("%s: %.300v", c.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %.300v", c.name, err)
			continue
		}
		for _, doc := range []string{`["` + strings.Repeat("ab", 100_000) + `"]`, `["` + long + `b"]`} {
			err := s.Validate(ctx, []byte(doc))
			_, limit := errors.AsType[*LimitError](err)
			_, invalid := errors.AsType[*ValidationError](err)
			if err != nil && !limit && !invalid {
				t.Errorf("%s: %.300v", c.name, err)
			}
		}
	}
}

// The result does not depend on the machine: the same steps are taken each time.
func TestStepsAreTheSameEachTime(t *testing.T) {
	const schema = `{"$ref":"#/$defs/n","$defs":{"n":{"anyOf":[{"type":"integer"},{"type":"array","items":{"$ref":"#/$defs/n"},"uniqueItems":true}]}}}`
	doc := "[" + strings.Repeat("[1,2,[3]],", 1000) + "4]"
	want, _ := steps(t, mustCompile(t, schema), doc)
	for range 5 {
		if got, _ := steps(t, mustCompile(t, schema), doc); got != want {
			t.Errorf("%d steps, then %d", want, got)
		}
	}
	for limit := 1; limit <= want; limit += want / 50 {
		s, err := Compile([]byte(schema), &Options{MaxSteps: limit})
		if err != nil {
			t.Fatal(err)
		}
		first, second := s.Validate(context.Background(), []byte(doc)), s.Validate(context.Background(), []byte(doc))
		if e, ok := errors.AsType[*LimitError](first); limit < want && (!ok || !e.Steps) || fmt.Sprint(first) != fmt.Sprint(second) {
			t.Errorf("limit %d of %d: %v, then %v", limit, want, first, second)
		}
	}
}

func TestEndedContextIsNoRejection(t *testing.T) {
	s := mustCompile(t, `{"items":{"type":"integer"}}`)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, doc := range []string{`[1]`, `["a"]`} {
		if err := s.Validate(ctx, []byte(doc)); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", doc, err)
		}
	}
	// One that ends during the check.
	late := &endingContext{Context: context.Background(), looks: 3}
	doc := "[" + strings.Repeat("1,", 200_000) + "1]"
	if err := s.Validate(late, []byte(doc)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ends during the check: %v", err)
	}
	if err := s.Validate(context.Background(), []byte(doc)); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// An endingContext ends after a number of looks.
type endingContext struct {
	context.Context
	looks int
}

func (c *endingContext) Err() error {
	if c.looks--; c.looks < 0 {
		return context.DeadlineExceeded
	}
	return nil
}

func TestLongChainsOfReferences(t *testing.T) {
	chain := func(n int) string {
		var b strings.Builder
		b.WriteString(`{"$ref":"#/$defs/d0","$defs":{`)
		for i := range n {
			fmt.Fprintf(&b, `"d%d":{"$ref":"#/$defs/d%d"},`, i, i+1)
		}
		fmt.Fprintf(&b, `"d%d":{"type":"integer"}}}`, n)
		return b.String()
	}
	s := mustCompile(t, chain(8000))
	if err := s.Validate(context.Background(), []byte(`1`)); err != nil {
		t.Error(err)
	}
	if _, ok := errors.AsType[*ValidationError](s.Validate(context.Background(), []byte(`"a"`))); !ok {
		t.Error("a string is valid")
	}
	s = mustCompile(t, chain(12_000))
	if e, ok := errors.AsType[*LimitError](s.Validate(context.Background(), []byte(`1`))); !ok || !strings.Contains(e.Reason, "nested deeper than 10000") {
		t.Errorf("12,000 references: %v", e)
	}
	// A cycle that only the dynamic scope closes.
	s = mustCompile(t, `{"$dynamicAnchor":"a","$ref":"#/$defs/x","$defs":{"x":{"$id":"x","$dynamicRef":"#a","$defs":{"y":{"$dynamicAnchor":"a"}}}}}`)
	if _, ok := errors.AsType[*LimitError](s.Validate(context.Background(), []byte(`1`))); !ok {
		t.Error("a dynamic cycle ends")
	}
}
