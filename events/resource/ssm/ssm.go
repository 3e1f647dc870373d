// Package ssm leads from Systems Manager's events to its parameters.
package ssm

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	ssmevents "github.com/blockforger/eventrouter/events/aws/ssm"
	"github.com/blockforger/eventrouter/events/resource"
	"github.com/blockforger/eventrouter/events/typed"
)

// New makes a client, for [resource.NewClients].
func New(cfg aws.Config) *ssm.Client { return ssm.NewFromConfig(cfg) }

// Parameter reads the parameter that changed, as it is now. The value of a
// SecureString stays encrypted unless decrypt is true.
func Parameter(ctx context.Context, c *resource.Clients[*ssm.Client], e *typed.Event[ssmevents.ParameterStoreChange], decrypt bool) (types.Parameter, error) {
	const op = "ssm.Parameter"
	name := e.Detail.Name
	if name == "" {
		return types.Parameter{}, resource.Unnamed("parameter")
	}
	client, err := c.For(ctx, e.Raw())
	if err != nil {
		return types.Parameter{}, err
	}
	found, err := client.GetParameter(ctx, &ssm.GetParameterInput{Name: &name, WithDecryption: &decrypt})
	switch {
	case err != nil:
		return types.Parameter{}, resource.Failed(op, "parameter "+name, err, "ParameterNotFound")
	case found.Parameter == nil:
		return types.Parameter{}, resource.Gone(op, "parameter "+name)
	}
	return *found.Parameter, nil
}
