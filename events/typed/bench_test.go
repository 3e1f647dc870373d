package typed_test

import (
	"encoding/json"
	"os"
	"testing"

	awslambda "github.com/aws/aws-lambda-go/events"

	"github.com/blockforger/eventrouter/events"
	awsevents "github.com/blockforger/eventrouter/events/aws"
	"github.com/blockforger/eventrouter/events/aws/ecs"
	"github.com/blockforger/eventrouter/events/aws/s3"
	"github.com/blockforger/eventrouter/events/typed"
)

// BenchmarkDecodeTyped compares a registry's decoding with what is done without
// one: aws-lambda-go's envelope, then encoding/json into the same struct.
func BenchmarkDecodeTyped(b *testing.B) {
	benchmarkDecode[s3.ObjectCreated](b, "object-700B", "../aws/testdata/aws.s3@ObjectCreated-3.json")
	benchmarkDecode[ecs.ContainerInstanceStateChange](b, "ecs-2.5kB", "../aws/testdata/aws.ecs@ECSContainerInstanceStateChange-2.json")
}

func benchmarkDecode[T any](b *testing.B, name, file string) {
	data, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	registry := awsevents.Registry()
	b.Run(name+"/registry", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			e, err := events.DecodeEnvelope(data)
			if err != nil {
				b.Fatal(err)
			}
			event, err := registry.Decode(e)
			if err != nil {
				b.Fatal(err)
			}
			if _, ok := typed.As[T](event); !ok {
				b.Fatalf("decoded as %T", event)
			}
		}
	})
	b.Run(name+"/aws-lambda-go", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			var e awslambda.EventBridgeEvent
			if err := json.Unmarshal(data, &e); err != nil {
				b.Fatal(err)
			}
			var detail T
			if err := json.Unmarshal(e.Detail, &detail); err != nil {
				b.Fatal(err)
			}
		}
	})
}
