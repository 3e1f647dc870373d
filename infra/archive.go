package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/blockforger/eventrouter/internal/deployment"
)

// NewArchive keeps input events to be replayed, for less time than their marks
// last. Zero days: none.
func NewArchive(scope constructs.Construct, c Config, input *InputBus, key awskms.Key) {
	if c.ArchiveDays == 0 {
		return
	}
	archive := awsevents.NewCfnArchive(scope, jsii.String("Archive"), &awsevents.CfnArchiveProps{
		ArchiveName:      jsii.String(c.Environment.Archive()),
		Description:      jsii.String("input events of eventrouter " + string(c.Environment) + "; they hold API keys"),
		SourceArn:        input.ARN,
		EventPattern:     eventPattern(deployment.InputPattern),
		RetentionDays:    jsii.Number(c.ArchiveDays),
		KmsKeyIdentifier: key.KeyArn(),
	})
	input.Before(archive.Node())
}
