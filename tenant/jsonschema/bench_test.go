package jsonschema

import (
	"bytes"
	"context"
	"os"
	"testing"

	present "github.com/santhosh-tekuri/jsonschema/v6"
)

const petDocument = `{"id":"p-1","name":"Rex","status":"available"}`

func petSchema(t testing.TB) []byte {
	t.Helper()
	text, err := os.ReadFile("../../schemas/petstore/petstore.json")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// BenchmarkValidate checks a pet, from its text, with this package and with
// santhosh-tekuri/jsonschema.
func BenchmarkValidate(b *testing.B) {
	b.Run("own", func(b *testing.B) {
		s, err := Compile(petSchema(b), nil)
		if err != nil {
			b.Fatal(err)
		}
		ctx, doc := context.Background(), []byte(petDocument)
		b.ReportAllocs()
		for b.Loop() {
			if err := s.Validate(ctx, doc); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("santhosh-tekuri", func(b *testing.B) {
		s := compilePresent(b, petSchema(b))
		doc := []byte(petDocument)
		b.ReportAllocs()
		for b.Loop() {
			v, err := present.UnmarshalJSON(bytes.NewReader(doc))
			if err == nil {
				err = s.Validate(v)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkCompile compiles the pet schema, from its text.
func BenchmarkCompile(b *testing.B) {
	text := petSchema(b)
	b.Run("own", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Compile(text, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("santhosh-tekuri", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			compilePresent(b, text)
		}
	})
}

func compilePresent(t testing.TB, text []byte) *present.Schema {
	t.Helper()
	tree, err := present.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := present.NewCompiler()
	c.DefaultDraft(present.Draft2020)
	c.AssertFormat()
	if err := c.AddResource("schema.json", tree); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}
