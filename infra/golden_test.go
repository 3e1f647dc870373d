package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
)

var update = flag.Bool("update", false, "write golden files and generated documents anew")

// TestGolden: what a change does to the stack is a diff that a reviewer can read.
// make golden writes the files anew.
func TestGolden(t *testing.T) {
	target := mustSynth(map[string]any{"stack": "target-bus", "routerAccount": "123456789012", "routerRegion": "us-east-1"})
	for name, tt := range map[string]template{"EventRouter-dev": plain(), "EventRouter-prod": complete(), "EventRouterTargetBus-dev": target} {
		var got bytes.Buffer
		enc := json.NewEncoder(&got)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", " ")
		if err := enc.Encode(tt); err != nil {
			t.Fatal(err)
		}
		compareFile(t, filepath.Join("testdata", "golden", name+".template.json"), got.Bytes())
	}
}

func compareFile(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the stack is now; if that is meant: make golden, and look at the diff\n%s", file, firstDifference(got, want))
	}
}

func firstDifference(got, want []byte) string {
	g, w := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	for i := range g {
		if i >= len(w) || !bytes.Equal(g[i], w[i]) {
			out := "got  " + string(g[i])
			if i < len(w) {
				out += "\nwant " + string(w[i])
			}
			return out
		}
	}
	return "the file goes on after what the stack is now"
}

// TestSynthIsDeterministic: maps in Go have no order, templates must have one.
func TestSynthIsDeterministic(t *testing.T) {
	first, _ := json.Marshal(complete())
	again, err := synth(all)
	if err != nil {
		t.Fatal(err)
	}
	if second, _ := json.Marshal(again); !bytes.Equal(first, second) {
		t.Error("two synths differ")
	}
}

// TestSecurityLinter: cdk-nag finds nothing without a stated reason. main runs it
// too: what it refuses cannot be deployed.
func TestSecurityLinter(t *testing.T) {
	for name, values := range map[string]map[string]any{"plain": nil, "complete": all} {
		app := newApp()
		if err := define(app, values, testBuild); err != nil {
			t.Fatal(err)
		}
		for _, finding := range findings(app, (*app.Node().Children())[0].(awscdk.Stack)) {
			t.Errorf("%s: %s", name, finding)
		}
	}
}

// TestSecurityLinterLooks: an exception must not be one for everything.
func TestSecurityLinterLooks(t *testing.T) {
	app := newApp()
	stack := awscdk.NewStack(app, jsii.String("Careless"), nil)
	awss3.NewBucket(stack, jsii.String("Bucket"), nil)
	if len(findings(app, stack)) == 0 {
		t.Error("the linter finds nothing wrong with a bucket without TLS")
	}
}

func findings(app awscdk.App, stack awscdk.Stack) (out []string) {
	awscdk.Aspects_Of(app).Add(cdknag.NewAwsSolutionsChecks(nil), nil)
	found := assertions.Annotations_FromStack(stack)
	any := assertions.Match_AnyValue()
	for _, m := range slices.Concat(*found.FindError(jsii.String("*"), any), *found.FindWarning(jsii.String("*"), any)) {
		//lint:ignore SA1019 the type has moved, and package assertions still answers with it
		out = append(out, *m.Id+" "+text(m.Entry.Data))
	}
	return out
}
