package main

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/internal/deployment"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/store/dynamostore"
)

// deploymentFlags choose a deployment on AWS in the place of a server.
type deploymentFlags struct {
	AWS         bool   `name:"aws" help:"Work on a deployment on AWS, with AWS's usual credentials, instead of a server."`
	Environment string `default:"dev" help:"With --aws: the environment of the deployment."`
}

// onAWS are the commands that can do so.
var onAWS = []string{"keys", "records", "usage", "logs", "dead-letters", "entries", "doctor"}

// choose gives the session what it needs to work on the deployment. It does no
// I/O but to find credentials and region.
func (f *deploymentFlags) choose(s *session, command string) error {
	if !f.AWS {
		return nil
	}
	if word, _, _ := strings.Cut(command, " "); !slices.Contains(onAWS, word) {
		return fault.Errorf(fault.Invalid, "%s works with a server alone; those that take --aws: %s", word, strings.Join(onAWS, ", "))
	}
	env, err := deployment.ParseEnvironment(f.Environment)
	if err != nil {
		return fault.Errorf(fault.Invalid, "--environment: %v", err)
	}
	cfg, err := config.LoadDefaultConfig(s.ctx)
	if err != nil {
		return fault.Errorf(fault.Invalid, "AWS configuration: %v", err)
	}
	if cfg.Region == "" {
		return fault.Errorf(fault.Invalid, "no region is set; type: export AWS_REGION=us-east-1, or where the deployment is")
	}
	s.deployment = &deployed{env: env, cfg: cfg}
	s.admin = s.deployment.admin()
	return nil
}

// deployed is a deployment on AWS.
type deployed struct {
	env deployment.Environment
	cfg aws.Config
}

// admin works on the deployment's table itself; the function has no part in it.
func (d *deployed) admin() admin.Admin {
	ledger := d.ledger()
	return admin.NewDirect(ledger, store.New(ledger, nil), newAWSFunctions(d), nil)
}

func (d *deployed) ledger() *dynamostore.Ledger {
	return dynamostore.New(dynamodb.NewFromConfig(d.cfg), d.env.Table(), nil)
}
