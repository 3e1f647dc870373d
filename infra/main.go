// Command infra is the CDK app: it writes CloudFormation templates for the
// event router's stack or, with the context key stack=target-bus, for the stack
// that lets a router in another account publish to a bus of this one.
//
//	npx cdk synth -c environment=prod -c alarmEmail=ops@example.com
//
// It makes no calls to AWS, and the same context gives the same bytes. Context
// keys are documented in doc/deploy.md; a mistake in one ends the program with
// a message for each.
package main

import (
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
)

// build is where `make build` puts the functions, seen from the root.
const build = "build"

func main() {
	code := run()
	jsii.Close()
	os.Exit(code)
}

func run() int {
	app := awscdk.NewApp(nil)
	if err := define(app, contextOf(app), build); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	// Part of the app, not of a test: what the linter refuses cannot be deployed.
	awscdk.Aspects_Of(app).Add(cdknag.NewAwsSolutionsChecks(nil), nil)
	app.Synth(nil)
	return 0
}

// define adds the stack that the context asks for.
func define(app awscdk.App, values map[string]any, build string) error {
	if values["stack"] == "target-bus" {
		c, err := ReadTargetBusConfig(values)
		if err != nil {
			return err
		}
		NewTargetBusStack(app, c)
		return nil
	}
	c, err := ReadConfig(values)
	if err != nil {
		return err
	}
	for _, w := range c.Warnings() {
		fmt.Fprintln(os.Stderr, "warning: "+w)
	}
	code, err := FindCode(build, c.TestFunction)
	if err != nil {
		return err
	}
	NewRouterStack(app, c, code)
	return nil
}

func contextOf(app awscdk.App) map[string]any {
	values, _ := app.Node().GetAllContext(nil).(map[string]any)
	return values
}

// Code is where the built functions are: folders that hold a file `bootstrap`
// and nothing else.
type Code struct {
	Router       string
	Relay        string
	Test         string
	Architecture awslambda.Architecture // that all were built for
}

// FindCode looks below the folder that `make build` fills.
func FindCode(build string, withTest bool) (Code, error) {
	c := Code{Router: filepath.Join(build, "eventrouter"), Relay: filepath.Join(build, "eventrouter-relay"), Test: filepath.Join(build, "eventbridge-test")}
	folders := []string{c.Router, c.Relay}
	if withTest {
		folders = append(folders, c.Test)
	}
	var first string
	for _, folder := range folders {
		architecture, err := architectureOf(filepath.Join(folder, "bootstrap"))
		if err != nil {
			return Code{}, err
		}
		if first == "" {
			first = architecture
		}
		if architecture != first {
			return Code{}, fmt.Errorf("%s is built for %s and %s for %s; run: make build", c.Router, first, folder, architecture)
		}
	}
	c.Architecture = architectures[first]()
	return c, nil
}

// architectures are those of Lambda, by the names of ELF machines. The file
// decides, so that GOARCH_LAMBDA of the Makefile is the only setting.
var architectures = map[string]func() awslambda.Architecture{
	elf.EM_AARCH64.String(): awslambda.Architecture_ARM_64,
	elf.EM_X86_64.String():  awslambda.Architecture_X86_64,
}

// architectureOf checks that a file can be the program of a function.
func architectureOf(file string) (string, error) {
	info, err := os.Stat(file)
	if err != nil {
		return "", fmt.Errorf("%s does not exist; run: make build", file)
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0 {
		return "", fmt.Errorf("%s is not an executable file; run: make build", file)
	}
	program, err := elf.Open(file)
	if err != nil {
		return "", fmt.Errorf("%s is not a program for Linux; run: make build", file)
	}
	defer program.Close()
	machine := program.Machine.String()
	if architectures[machine] == nil {
		return "", fmt.Errorf("%s is built for %s; Lambda runs arm64 and amd64: set GOARCH_LAMBDA to one of them and run: make build", file, machine)
	}
	return machine, nil
}
