package aws_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/events/aws"
	"github.com/blockforger/eventrouter/events/aws/codecommit"
	"github.com/blockforger/eventrouter/events/aws/codepipeline"
	"github.com/blockforger/eventrouter/events/aws/ec2"
	"github.com/blockforger/eventrouter/events/aws/ecs"
	"github.com/blockforger/eventrouter/events/aws/s3"
	"github.com/blockforger/eventrouter/events/aws/ssm"
	"github.com/blockforger/eventrouter/events/typed"
)

// TestEveryServiceIsInTheDefault fails when a package is added but not listed.
func TestEveryServiceIsInTheDefault(t *testing.T) {
	packages := map[string]typed.Map{
		"codecommit": codecommit.Events(), "codepipeline": codepipeline.Events(), "ec2": ec2.Events(),
		"ecs": ecs.Events(), "s3": s3.Events(), "ssm": ssm.Events(),
	}
	folders, err := filepath.Glob("*/registry_gen.go")
	if err != nil || len(folders) != len(packages) {
		t.Fatalf("%d folders, %d packages listed here and in Events: %v", len(folders), len(packages), err)
	}
	all, total := aws.Events(), 0
	for name, m := range packages {
		total += len(m)
		for kind := range m {
			if all[kind] == nil {
				t.Errorf("package %s: %v is not in the default", name, kind)
			}
		}
	}
	if len(all) != total {
		t.Errorf("the default has %d events, the packages together %d: two know the same one", len(all), total)
	}
}

// TestSamples decodes and encodes real events with the default registry.
func TestSamples(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d samples, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found, err := aws.Registry().DecodePayload(data)
		if err != nil || len(found) != 1 || found[0].Err != nil {
			t.Errorf("%s: %+v, %v", file, found, err)
			continue
		}
		if event := found[0].Event; event == typed.Decoded(event.Raw()) {
			t.Errorf("%s stays raw", file)
		}
	}
}

func ExampleRegistry() {
	data, err := os.ReadFile("testdata/aws.s3@ObjectCreated-3.json")
	if err != nil {
		fmt.Println(err)
		return
	}
	envelope, err := events.DecodeEnvelope(data)
	if err != nil {
		fmt.Println(err)
		return
	}
	event, err := aws.Registry().Decode(envelope)
	if err != nil {
		fmt.Println(err)
		return
	}
	if created, ok := typed.As[s3.ObjectCreated](event); ok {
		fmt.Println(created.Region, created.Detail.Bucket.Name, created.Detail.Object.Size)
	}
	fmt.Println(event)
	// Output:
	// eu-west-1 example-bucket 184662
	// Object Created from aws.s3, id f5f1e65c-dc3a-93ca-6c1e-b1647eac7963: s3://example-bucket/IMG_m7fzo3.jpg
}
