// Package resource leads from typed events to the resources that they refer to,
// through clients for the event's own account and region. Each service has a
// package below this one, with functions on that service's events:
//
//	clients := resource.NewClients(resource.AssumeRole(cfg, "event-reader"), ec2.New)
//	instance, err := ec2.Instance(ctx, clients, event)
//
// This is a module of its own, so that who only decodes events does not need
// those services' SDK clients. [Clients] is safe for concurrent use.
//
// A resource may have changed since its event, or be gone: that is NotFound. A
// detail that does not name the resource is Invalid; all else that goes wrong is
// Unavailable.
package resource

import (
	"context"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

// A Place is where the resources of an event are.
type Place struct {
	Account string
	Region  string
}

// PlaceOf is where an event came from. The fault is Invalid, for an event whose
// account or region could not be one: both end up in an ARN and a host name.
func PlaceOf(e *events.Envelope) (Place, error) {
	arn := "arn:aws:events:" + e.Region + ":" + e.Account + ":event-bus/default"
	if _, err := events.ParseBusARN(arn); err != nil {
		return Place{}, fault.Errorf(fault.Invalid, "event names account %q and region %q; want 12 digits, and such as us-east-1", e.Account, e.Region)
	}
	return Place{Account: e.Account, Region: e.Region}, nil
}

// Partition is the partition of AWS that the region is in.
func (p Place) Partition() string {
	for prefix, partition := range map[string]string{"cn-": "aws-cn", "us-gov-": "aws-us-gov", "us-iso-": "aws-iso", "us-isob-": "aws-iso-b"} {
		if strings.HasPrefix(p.Region, prefix) {
			return partition
		}
	}
	return "aws"
}

// A Configure gives the configuration of clients for a place.
type Configure func(context.Context, Place) (aws.Config, error)

// SameAccount uses one configuration's credentials in every region, and refuses
// events of other accounts than the given one with Denied.
func SameAccount(cfg aws.Config, account string) Configure {
	return func(_ context.Context, p Place) (aws.Config, error) {
		if p.Account != account {
			return aws.Config{}, fault.Errorf(fault.Denied, "event is of account %s, these credentials of %s; use AssumeRole", p.Account, account)
		}
		c := cfg.Copy()
		c.Region = p.Region
		return c, nil
	}
}

// AssumeRole takes on the role of that name in the event's account. The role
// must trust cfg's credentials.
func AssumeRole(cfg aws.Config, role string) Configure {
	return func(_ context.Context, p Place) (aws.Config, error) {
		c := cfg.Copy()
		c.Region = p.Region
		arn := "arn:" + p.Partition() + ":iam::" + p.Account + ":role/" + role
		c.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(c), arn))
		return c, nil
	}
}

// Clients keeps one client for each place.
type Clients[C any] struct {
	configure Configure
	make      func(aws.Config) C

	mu    sync.Mutex
	known map[Place]C
}

// NewClients makes clients where they are first needed.
func NewClients[C any](configure Configure, make func(aws.Config) C) *Clients[C] {
	return &Clients[C]{configure: configure, make: make, known: map[Place]C{}}
}

// For returns the client for the event's account and region.
func (c *Clients[C]) For(ctx context.Context, e *events.Envelope) (C, error) {
	var none C
	place, err := PlaceOf(e)
	if err != nil {
		return none, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if client, ok := c.known[place]; ok {
		return client, nil
	}
	cfg, err := c.configure(ctx, place)
	if err != nil {
		return none, fault.Wrap("resource.For", fault.Unavailable, err)
	}
	client := c.make(cfg)
	c.known[place] = client
	return client, nil
}
