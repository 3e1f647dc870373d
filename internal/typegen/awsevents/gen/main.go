// Command gen writes the packages below events/aws from AWS's service
// specification, and with -samples first the facts that sample events show.
//
//	go run ./internal/typegen/awsevents/gen [-spec FILE] [-samples FILE...]
//
// It runs in the root of the repository; "make events-aws" runs it.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"

	"github.com/blockforger/eventrouter/internal/typegen/awsevents"
	"github.com/blockforger/eventrouter/internal/typegen/servicespec"
)

func main() {
	log.SetFlags(0)
	specFile := flag.String("spec", "", "file of the service specification (default: that of the npm package)")
	samples := flag.Bool("samples", false, "write samples.jsonl anew from the files of sample events that are the arguments, and nothing else")
	flag.Parse()
	if err := run(*specFile, *samples, flag.Args()); err != nil {
		log.Fatal("gen: ", err)
	}
}

func run(specFile string, samples bool, files []string) error {
	if specFile == "" {
		var err error
		if specFile, err = servicespec.Find(); err != nil {
			return err
		}
	}
	spec, err := servicespec.Open(specFile)
	if err != nil {
		return err
	}
	if samples {
		found, err := awsevents.ReadSamples(files...)
		if err != nil {
			return err
		}
		text, err := awsevents.Facts(spec.Events(), found)
		if err != nil {
			return err
		}
		return os.WriteFile("internal/typegen/awsevents/samples.jsonl", text, 0o644)
	}
	plans, err := awsevents.Plan(".", spec)
	if err != nil {
		return err
	}
	changed := 0
	for _, plan := range plans {
		for _, report := range plan.Reports {
			fmt.Println("!", report)
		}
		if err := plan.Apply(); err != nil {
			return err
		}
		changed += len(plan.Changes)
	}
	fmt.Printf("%d packages, %d files changed\n", len(plans)-2, changed)
	return nil
}
