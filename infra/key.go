package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// NewSecretsKey is the one customer-managed key: for archive, queues and buffer,
// which hold input events and so API keys, and for the alarm topic. Its policy
// says in full what the CDK's own would grant with kms:*.
func NewSecretsKey(scope constructs.Construct, c Config, input *InputBus) awskms.Key {
	return awskms.NewKey(scope, jsii.String("SecretsKey"), &awskms.KeyProps{
		Alias:             jsii.String(c.Environment.KeyAlias()),
		Description:       jsii.String("eventrouter " + string(c.Environment) + ": queues, archive and buffer, which hold API keys"),
		EnableKeyRotation: jsii.Bool(true),
		RemovalPolicy:     removal(c),
		Policy: awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{Statements: &[]awsiam.PolicyStatement{
			// The account's own IAM policies decide who administers and uses the key.
			keyStatement("Account", awsiam.NewAccountRootPrincipal(), nil, append(keyAdministration, keyUse...)...),
			keyStatement("QueuesFromRules", service("events"), fromOwnAccount(scope), keyUse...),
			keyStatement("Topic", service("cloudwatch"), fromOwnAccount(scope), keyUse...),
			keyStatement("ArchiveLooks", service("events"), fromOwnAccount(scope), "kms:DescribeKey"),
			// An archive reads and writes under the name of its bus.
			keyStatement("Archive", service("events"), map[string]any{"StringEquals": map[string]any{
				"kms:EncryptionContext:aws:events:event-bus:arn": input.ARN,
			}}, append(keyUse, "kms:ReEncryptFrom", "kms:ReEncryptTo")...),
		}}),
	})
}

// What it takes to use a key for data at rest.
var keyUse = []string{"kms:Decrypt", "kms:GenerateDataKey"}

// What it takes to look after one.
var keyAdministration = []string{
	"kms:CancelKeyDeletion", "kms:CreateAlias", "kms:CreateGrant", "kms:DeleteAlias", "kms:DescribeKey", "kms:DisableKey", "kms:DisableKeyRotation",
	"kms:EnableKey", "kms:EnableKeyRotation", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListGrants", "kms:ListKeyPolicies",
	"kms:ListResourceTags", "kms:PutKeyPolicy", "kms:RevokeGrant", "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource",
	"kms:UpdateAlias", "kms:UpdateKeyDescription",
}

func keyStatement(sid string, who awsiam.IPrincipal, condition map[string]any, actions ...string) awsiam.PolicyStatement {
	props := &awsiam.PolicyStatementProps{
		Sid:        jsii.String(sid),
		Principals: &[]awsiam.IPrincipal{who},
		Actions:    jsii.Strings(actions...),
		Resources:  jsii.Strings("*"), // in a key's policy: this key
	}
	if condition != nil {
		props.Conditions = &condition
	}
	return awsiam.NewPolicyStatement(props)
}

func service(name string) awsiam.IPrincipal {
	return awsiam.NewServicePrincipal(jsii.String(name+".amazonaws.com"), nil)
}

// removal says what becomes of data when the stack goes.
func removal(c Config) awscdk.RemovalPolicy {
	if c.Retain {
		return awscdk.RemovalPolicy_RETAIN
	}
	return awscdk.RemovalPolicy_DESTROY
}
