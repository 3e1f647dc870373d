package aws_test

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/events/aws"
	"github.com/blockforger/eventrouter/events/aws/ecs"
	"github.com/blockforger/eventrouter/events/typed"
)

// taskChange is an "ECS Task State Change" of the size that ECS sends.
func taskChange(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/ecs-task-state-change.json")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// plainEvent is an event with the members of a type, without methods.
func plainEvent[T any]() reflect.Type {
	text := reflect.TypeFor[string]()
	field := func(name, wire string, t reflect.Type) reflect.StructField {
		return reflect.StructField{Name: name, Type: t, Tag: reflect.StructTag(`json:"` + wire + `"`)}
	}
	return reflect.StructOf([]reflect.StructField{
		field("Version", "version", text), field("ID", "id", text), field("DetailType", "detail-type", text), field("Source", "source", text),
		field("Account", "account", text), field("Time", "time", text), field("Region", "region", text),
		field("Resources", "resources", reflect.TypeFor[[]string]()), field("Detail", "detail", plain(reflect.TypeFor[T]())),
	})
}

// plain returns a type with the same members and no methods: a number stays a
// json.Number, which keeps its digits too.
func plain(t reflect.Type) reflect.Type {
	switch t {
	case reflect.TypeFor[events.Number]():
		return reflect.TypeFor[json.Number]()
	case reflect.TypeFor[events.StringOrNumber]():
		return reflect.TypeFor[any]()
	}
	switch t.Kind() {
	case reflect.String:
		return reflect.TypeFor[string]()
	case reflect.Pointer:
		return reflect.PointerTo(plain(t.Elem()))
	case reflect.Slice:
		return reflect.SliceOf(plain(t.Elem()))
	case reflect.Struct:
		var fields []reflect.StructField
		for i := range t.NumField() {
			f := t.Field(i)
			if f.Type == reflect.TypeFor[typed.Unknown]() {
				continue
			}
			tag := strings.ReplaceAll(f.Tag.Get("json"), ",omitzero", "")
			fields = append(fields, reflect.StructField{Name: f.Name, Type: plain(f.Type), Tag: reflect.StructTag(`json:"` + tag + `"`)})
		}
		return reflect.StructOf(fields)
	}
	return t
}

func decodeTyped(b testing.TB, registry *typed.Registry, data []byte) {
	event, err := registry.DecodeEvent(data)
	if err != nil {
		b.Fatal(err)
	}
	if _, ok := typed.As[ecs.TaskStateChange](event); !ok {
		b.Fatalf("decoded as %T", event)
	}
}

func decodePlain(b testing.TB, t reflect.Type, data []byte) {
	if err := json.Unmarshal(data, reflect.New(t).Interface()); err != nil {
		b.Fatal(err)
	}
}

// TestTypedDecodingIsFast: an event, envelope and detail, decodes at least twice
// as fast as with encoding/json into a plain struct.
func TestTypedDecodingIsFast(t *testing.T) {
	registry, data, plain := aws.Registry(), taskChange(t), plainEvent[ecs.TaskStateChange]()
	fast := func(ours, theirs time.Duration) bool { return theirs >= 2*ours }
	ours, theirs := fastest(50, fast, func() { decodeTyped(t, registry, data) }, func() { decodePlain(t, plain, data) })
	t.Logf("typed %v, encoding/json %v", ours, theirs)
	if !fast(ours, theirs) {
		t.Errorf("typed decoding takes %v, encoding/json into a plain struct %v; want half of that", ours, theirs)
	}
}

// fastest returns the shortest times of one call each, of many rounds of so many
// calls in turn: what else the machine does makes rounds slower, not faster. It
// ends when the times are good, or do not become so.
func fastest(calls int, good func(a, b time.Duration) bool, a, b func()) (time.Duration, time.Duration) {
	best := [2]time.Duration{time.Hour, time.Hour}
	for rounds := 0; rounds < 20 || rounds < 2000 && !good(best[0], best[1]); rounds++ {
		for i, f := range []func(){a, b} {
			start := time.Now()
			for range calls {
				f()
			}
			best[i] = min(best[i], time.Since(start)/time.Duration(calls))
		}
	}
	return best[0], best[1]
}

// TestLookupIsFast: a look-up among all kinds takes below 100 ns and allocates
// nothing.
func TestLookupIsFast(t *testing.T) {
	registry := aws.Registry()
	kinds := []typed.Kind{{Source: "aws.ecs", DetailType: "ECS Task State Change"}, {Source: "aws.s3", DetailType: "Object Created"},
		{Source: "aws.ec2", DetailType: "EC2 Instance State-change Notification"}, {Source: "shop", DetailType: "Order Placed"}}
	if n := testing.AllocsPerRun(100, func() { registry.Lookup(kinds[0]) }); n != 0 {
		t.Errorf("a look-up makes %v allocations", n)
	}
	n := 0
	look := func() {
		if registry.Lookup(kinds[n%len(kinds)]) == nil != (n%len(kinds) == 3) {
			t.Fatal("the wrong kinds are known")
		}
		n++
	}
	took, _ := fastest(1000, func(took, _ time.Duration) bool { return took < 100*time.Nanosecond }, look, func() {})
	t.Logf("%v among %d kinds", took, len(registry.Kinds()))
	if took >= 100*time.Nanosecond {
		t.Errorf("a look-up takes %v, want below 100 ns", took)
	}
}

func BenchmarkTaskStateChange(b *testing.B) {
	registry, data, plain := aws.Registry(), taskChange(b), plainEvent[ecs.TaskStateChange]()
	b.Run("typed", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			decodeTyped(b, registry, data)
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			decodePlain(b, plain, data)
		}
	})
}

func BenchmarkLookup(b *testing.B) {
	registry := aws.Registry()
	b.ReportAllocs()
	for b.Loop() {
		registry.Lookup(typed.Kind{Source: "aws.ecs", DetailType: "ECS Task State Change"})
	}
}
