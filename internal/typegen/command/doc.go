// Package command holds the commands "eventrouter types ...": a struct of
// arguments each, with Run. The struct tags are those of the command line's
// parser, which package main wires.
//
// Run prints what a person wants to see to out, and returns a fault whose
// message says what to do.
package command

import (
	"context"
	"regexp"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/typegen/schemaregistry"
)

// API says how the Schemas API is reached.
type API struct {
	Region      string `help:"AWS region of the registry; else as the AWS configuration says."`
	EndpointURL string `kong:"-"` // of the Schemas API, for tests; a flag of all commands
	Profile     string `help:"Profile of the AWS configuration."`
}

func (a API) options() schemaregistry.Options {
	return schemaregistry.Options{Region: a.Region, EndpointURL: a.EndpointURL, Profile: a.Profile}
}

var serviceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

// checkService makes sure that a service's name can be a folder's.
func checkService(name string) error {
	if serviceName.MatchString(name) {
		return nil
	}
	return fault.Errorf(fault.Invalid, "service %q must be 1 to 64 letters, digits, _ and -, such as ec2; name others with --schema-name-prefix", name)
}

// sources opens what the documents come from: the folder, or each registry.
func sources(ctx context.Context, from string, registries []string, api API) ([]schemaregistry.Source, error) {
	if from != "" {
		folder, err := schemaregistry.OpenFolder(from)
		if err != nil {
			return nil, err
		}
		return []schemaregistry.Source{folder}, nil
	}
	client, err := schemaregistry.NewClient(ctx, api.options())
	if err != nil {
		return nil, err
	}
	if len(registries) == 0 {
		registries = []string{schemaregistry.AWSEvents}
	}
	var all []schemaregistry.Source
	for _, name := range registries {
		all = append(all, schemaregistry.New(client, name))
	}
	return all, nil
}
