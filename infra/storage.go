package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/blockforger/eventrouter/internal/names"
)

// Backend is where everything is kept: the ledger's table, and the bucket with
// tenant files and the records of the s3 and csv backends.
type Backend struct {
	Table  awsdynamodb.ITable
	Bucket awss3.Bucket
}

// NewBackend makes table and bucket.
func NewBackend(parent constructs.Construct, c Config) *Backend {
	scope := constructs.NewConstruct(parent, jsii.String("Backend"))
	b := &Backend{Table: newTable(scope, c), Bucket: newBucket(scope, c)}
	except(b.Bucket, "AwsSolutions-S1", "The function alone uses the bucket and logs a line for each request; CloudTrail data events serve whoever wants more.")
	return b
}

func newTable(scope constructs.Construct, c Config) awsdynamodb.ITable {
	if c.TableName != "" { // restored, with all of its data and its index
		return awsdynamodb.Table_FromTableName(scope, jsii.String("Table"), jsii.String(c.TableName))
	}
	var warm *awsdynamodb.WarmThroughput
	if c.WarmWrites > 0 {
		warm = &awsdynamodb.WarmThroughput{ReadUnitsPerSecond: jsii.Number(warmReads), WriteUnitsPerSecond: jsii.Number(c.WarmWrites)}
	}
	table := awsdynamodb.NewTable(scope, jsii.String("Table"), &awsdynamodb.TableProps{
		TableName:                        jsii.String(c.Environment.Name(names.Table)),
		PartitionKey:                     stringAttribute(names.TableHash),
		SortKey:                          stringAttribute(names.TableSort),
		BillingMode:                      awsdynamodb.BillingMode_PAY_PER_REQUEST,
		TimeToLiveAttribute:              jsii.String(names.TableTTL),
		Encryption:                       awsdynamodb.TableEncryption_AWS_MANAGED,
		PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: jsii.Bool(true)},
		// No deletion protection: with it, the rollback of a failed first deployment
		// cannot delete the table and fails too. doc/deploy.md turns it on afterwards.
		RemovalPolicy:  removal(c),
		WarmThroughput: warm,
	})
	table.AddGlobalSecondaryIndex(&awsdynamodb.GlobalSecondaryIndexProps{
		IndexName:      jsii.String(names.Index),
		PartitionKey:   stringAttribute(names.IndexHash),
		SortKey:        stringAttribute(names.IndexSort),
		ProjectionType: awsdynamodb.ProjectionType_KEYS_ONLY,
		WarmThroughput: warm, // each commit writes to the index too
	})
	return table
}

// oldRecordDays is for how long replaced versions of records' objects are kept.
const oldRecordDays = 7

func stringAttribute(name string) *awsdynamodb.Attribute {
	return &awsdynamodb.Attribute{Name: jsii.String(name), Type: awsdynamodb.AttributeType_STRING}
}

func newBucket(scope constructs.Construct, c Config) awss3.Bucket {
	stack := awscdk.Stack_Of(scope)
	return awss3.NewBucket(scope, jsii.String("Bucket"), &awss3.BucketProps{
		BucketName:        jsii.String(c.Environment.Bucket(*stack.Account(), *stack.Region())),
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
		ObjectOwnership:   awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED,
		Encryption:        awss3.BucketEncryption_S3_MANAGED,
		EnforceSSL:        jsii.Bool(true),
		MinimumTLSVersion: jsii.Number(1.2),
		Versioned:         jsii.Bool(true),
		RemovalPolicy:     removal(c),
		LifecycleRules: &[]*awss3.LifecycleRule{
			{
				Id:                                  jsii.String("old-versions"),
				NoncurrentVersionExpiration:         awscdk.Duration_Days(jsii.Number(c.MarkDays)),
				AbortIncompleteMultipartUploadAfter: awscdk.Duration_Days(jsii.Number(7)),
				ExpiredObjectDeleteMarker:           jsii.Bool(true),
			},
			// With the backend csv each change is a version of a whole file. The ledger
			// holds the records; old versions only help to look up an edit by hand.
			{
				Id:                          jsii.String("old-records"),
				Prefix:                      jsii.String(names.DataPrefix),
				NoncurrentVersionExpiration: awscdk.Duration_Days(jsii.Number(min(oldRecordDays, c.MarkDays))),
			},
		},
	})
}

// AllowFunction lets the function do what its drivers do (store/dynamostore,
// internal/blob/s3blob), and no more: it deletes no item and scans nothing.
func (b *Backend) AllowFunction(role awsiam.Role) {
	allow(role, "Ledger", []*string{b.Table.TableArn()},
		"dynamodb:BatchGetItem", "dynamodb:ConditionCheckItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem")
	allow(role, "Backlog", []*string{jsii.String(*b.Table.TableArn() + "/index/" + names.Index)}, "dynamodb:Query")

	schemas, data := b.Bucket.ArnForObjects(jsii.String(names.SchemasPrefix+"*")), b.Bucket.ArnForObjects(jsii.String(names.DataPrefix+"*"))
	allow(role, "TenantFiles", []*string{schemas, data}, "s3:GetObject")
	allow(role, "Records", []*string{data}, "s3:DeleteObject", "s3:PutObject")
	// Without a condition on the prefix: with one, S3 answers 403 instead of
	// 404 to a read of what is not there, and nothing else is in the bucket.
	allow(role, "List", []*string{b.Bucket.BucketArn()}, "s3:ListBucket")
}

// NewSecretsKey is the one customer-managed key: for archive, queues and buffer,
// which hold input events and so API keys, and for the alarm topic. Its policy
// says in full what the CDK's own would grant with kms:*.
func NewSecretsKey(scope constructs.Construct, c Config, input *InputBus) awskms.Key {
	return awskms.NewKey(scope, jsii.String("SecretsKey"), &awskms.KeyProps{
		Alias:             jsii.String(c.Environment.Name(names.KeyAlias)),
		Description:       jsii.String("eventrouter " + string(c.Environment) + ": queues, archive and buffer, which hold API keys"),
		EnableKeyRotation: jsii.Bool(true),
		RemovalPolicy:     removal(c),
		Policy: awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{Statements: &[]awsiam.PolicyStatement{
			// The account's own IAM policies decide who administers and uses the key.
			keyStatement("Account", awsiam.NewAccountRootPrincipal(), nil, append(keyAdministration, keyUse...)...),
			// EventBridge sends KMS no aws:SourceAccount with a message for an encrypted
			// queue (it documents none, and SNS documents that there is none for topics).
			// The queues' own policies name the rule.
			keyStatement("QueuesFromRules", service("events"), nil, keyUse...),
			keyStatement("Topic", service("cloudwatch"), fromOwnAccount(scope), keyUse...),
			// AWS documents this statement without a condition; it discloses no data.
			keyStatement("ArchiveLooks", service("events"), nil, "kms:DescribeKey"),
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

// removal says what becomes of data when the stack is deleted. What a failed
// first deployment made is empty, and would be in the way of the second.
func removal(c Config) awscdk.RemovalPolicy {
	if c.Retain {
		return awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE
	}
	return awscdk.RemovalPolicy_DESTROY
}
