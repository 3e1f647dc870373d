package local_test

import (
	"strings"
	"testing"

	"github.com/blockforger/eventrouter/local"
)

func TestRecordedLogs(t *testing.T) {
	t.Parallel()
	m := start(t, t.TempDir(), local.Options{}, nil)
	const groups, lines, streams = "recorded 2026-02-03", "recorded 2026-02-05", "recorded 2026-02-03"
	const one = "1 validation error detected: "
	runExchanges(t, m, []exchange{
		{groups, "logs.CreateLogGroup", `{"logGroupName": "g"}`, 200, "", "", "{}"},
		{groups, "logs.CreateLogGroup", `{"logGroupName": "g"}`, 400, "ResourceAlreadyExistsException", "The specified log group already exists", ""},
		{groups, "logs.CreateLogGroup", `{"logGroupName": "` + strings.Repeat("a", 513) + `"}`, 400, "InvalidParameterException", "Invalid LogGroup or LogStream, both must have length less than or equal to 512.", ""},
		{"model", "logs.CreateLogGroup", `{}`, 400, "InvalidParameterException", one + "Value null at 'logGroupName' failed to satisfy constraint: Member must not be null", ""},
		{"model", "logs.CreateLogGroup", `{"logGroupName": "a b"}`, 400, "InvalidParameterException",
			one + `Value 'a b' at 'logGroupName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\.\-_/#A-Za-z0-9]+`, ""},
		{groups, "logs.DescribeLogGroups", `{"logGroupNamePrefix": "g"}`, 200, "", "", `"logGroupClass":"STANDARD","deletionProtectionEnabled":false}]`},
		{groups, "logs.DescribeLogGroups", `{"logGroupNamePrefix": "g"}`, 200, "", "", `"metricFilterCount":0,"arn":"arn:aws:logs:us-east-1:000000000000:log-group:g:*","storedBytes":0`},
		{groups, "logs.DescribeLogGroups", `{"logGroupNamePattern": "g"}`, 200, "", "", `"metricFilterCount":0,"arn":"arn:aws:logs:us-east-1:000000000000:log-group:g:*","logGroupArn":"arn:aws:logs:us-east-1:000000000000:log-group:g","logGroupClass":"STANDARD"}]`},
		{groups, "logs.DescribeLogGroups", `{"logGroupNamePrefix": "g", "logGroupNamePattern": "g"}`, 400, "InvalidParameterException", "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.", ""},
		{"model", "logs.DescribeLogGroups", `{"nextToken": "!"}`, 400, "InvalidParameterException", "The specified nextToken is invalid.", ""},
		{lines, "logs.FilterLogEvents", `{"logGroupName": "g", "limit": 10001}`, 400, "InvalidParameterException", one + "Value '10001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 10000", ""},
		{lines, "logs.FilterLogEvents", `{"logGroupName": "g", "nextToken": "unknown"}`, 400, "InvalidParameterException", "The specified nextToken is invalid.", ""},
		{"recorded 2026-02-03", "logs.GetLogEvents", `{"logGroupName": "g", "logStreamName": "s", "limit": 10001}`, 400, "InvalidParameterException", one + "Value '10001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 10000", ""},
		{"recorded 2026-02-03", "logs.GetLogEvents", `{"logGroupName": "g", "logStreamName": "s"}`, 400, "ResourceNotFoundException", "The specified log stream does not exist.", ""},
		{"recorded 2026-02-03", "logs.GetLogEvents", `{"logGroupName": "none", "logStreamName": "s"}`, 400, "ResourceNotFoundException", "The specified log group does not exist.", ""},
		{streams, "logs.DescribeLogStreams", `{"logGroupName": "g", "logGroupIdentifier": "g"}`, 400, "ValidationException", "LogGroup name and LogGroup ARN are mutually exclusive parameters.", ""},
		{streams, "logs.DescribeLogStreams", `{"logGroupIdentifier": "arn:aws:logs:us-east-1:000000000000:log-group:g"}`, 200, "", "", `{"logStreams":[]`},
		{"model", "logs.DescribeLogStreams", `{}`, 400, "InvalidParameterException", "One of logGroupName and logGroupIdentifier is required.", ""},
		{"documentation", "logs.PutResourcePolicy", `{"policyName": "events", "policyDocument": "{\"Version\": \"2012-10-17\", \"Statement\": []}"}`, 200, "", "", `"policyName":"events"`},
		{"documentation", "logs.PutResourcePolicy", `{"policyName": "events", "policyDocument": "no"}`, 400, "InvalidParameterException", "The policy document is not a JSON object.", ""},
		{"documentation", "logs.PutResourcePolicy", `{"policyDocument": "{}"}`, 400, "InvalidParameterException", "policyName is required.", ""},
		{"documentation", "logs.DescribeResourcePolicies", `{}`, 200, "", "", `{"resourcePolicies":[{"policyName":"events","policyDocument":"{\"Version\": \"2012-10-17\", \"Statement\": []}"`},
		{"documentation", "logs.DeleteResourcePolicy", `{"policyName": "events"}`, 200, "", "", "{}"},
		{"documentation", "logs.DeleteResourcePolicy", `{"policyName": "events"}`, 400, "ResourceNotFoundException", "Policy with name [events] does not exist.", ""},
		{"model", "sqs.CreateQueue", `{}`, 400, "MissingParameter", "The request must contain the parameter QueueName.", ""},
		{"model", "sqs.SendMessage", `{"QueueUrl": "q"}`, 400, "MissingParameter", "The request must contain the parameter MessageBody.", ""},
	})
}

func TestSchemaRegistry(t *testing.T) {
	t.Parallel()
	m := start(t, t.TempDir(), local.Options{}, nil)
	const r, s = "/v1/registries/name/r", "/v1/registries/name/r/schemas/name/acme.products"
	const document = `"Content": "{\"openapi\": \"3.0.0\"}", "Type": "OpenApi3"`
	const from = "model"
	cases := []exchange{
		{from, "GET " + r + "/schemas", "", 404, "NotFoundException", "Registry with name r does not exist.", ""},
		{from, "POST " + s, `{` + document + `}`, 404, "NotFoundException", "Registry with name r does not exist.", ""},
		{from, "POST " + r, `{"Description": "d", "tags": {"a": "b"}}`, 201, "", "", `{"Description":"d","RegistryArn":"arn:aws:schemas:us-east-1:000000000000:registry/r","RegistryName":"r","tags":{"a":"b"}}`},
		{from, "POST " + r, `{}`, 409, "ConflictException", "Registry with name r already exists.", ""},
		{from, "POST /v1/registries/name/aws.events", `{}`, 400, "BadRequestException", "A registry name must not begin with aws.", ""},
		{from, "POST /v1/registries/name/a%20b", `{}`, 400, "BadRequestException", "The registry name must have 1 to 64 characters: letters, digits, and . - _ @", ""},
		{from, "GET " + r, "", 200, "", "", `"RegistryName":"r"`},
		{from, "GET " + s, "", 404, "NotFoundException", "Schema with name acme.products does not exist.", ""},
		{from, "PUT " + s, `{` + document + `}`, 404, "NotFoundException", "Schema with name acme.products does not exist.", ""},
		{from, "POST " + s, `{` + document + `}`, 201, "", "", `"SchemaName":"acme.products","SchemaVersion":"1","Type":"OpenApi3"`},
		{from, "POST " + s, `{` + document + `}`, 409, "ConflictException", "Schema with name acme.products already exists.", ""},
		{from, "POST " + r + "/schemas/name/a%2Fb", `{` + document + `}`, 400, "BadRequestException", "The schema name must have 1 to 385 characters: letters, digits, and . - _ @", ""},
		{from, "POST " + s, `{"Content": "no", "Type": "OpenApi3"}`, 409, "ConflictException", "Schema with name acme.products already exists.", ""},
		{from, "PUT " + s, `{"Content": "no"}`, 400, "BadRequestException", "The content of the schema is not a JSON object.", ""},
		{from, "PUT " + s, `{"Content": 7}`, 400, "BadRequestException", `The value at "/Content" has the wrong type.`, ""},
		{from, "PUT " + s, `{`, 400, "BadRequestException", "The request is not valid JSON.", ""},
		{from, "POST " + s, `{"Type": "OpenApi3"}`, 400, "BadRequestException", "1 validation error detected: Value null at 'content' failed to satisfy constraint: Member must not be null", ""},
		{from, "POST " + s, `{"Content": "{}", "Type": "Avro"}`, 400, "BadRequestException",
			"1 validation error detected: Value 'Avro' at 'type' failed to satisfy constraint: Member must satisfy enum value set: [OpenApi3, JSONSchemaDraft4]", ""},
		{from, "PUT " + s, `{"Description": "new"}`, 200, "", "", `"SchemaVersion":"1"`},
		{from, "PUT " + s, `{"Type": "JSONSchemaDraft4"}`, 400, "BadRequestException", "A change of the type needs the content.", ""},
	}
	for range 9 {
		cases = append(cases, exchange{from, "PUT " + s, `{"Content": "{\"openapi\": \"3.0.1\"}"}`, 200, "", "", `"SchemaVersion":`})
	}
	runExchanges(t, m, append(cases, []exchange{
		{from, "GET " + s, "", 200, "", "", `{"Content":"{\"openapi\": \"3.0.1\"}","Description":"new"`},
		{from, "GET " + s, "", 200, "", "", `"SchemaVersion":"10"`},
		{from, "GET " + s + "?schemaVersion=1", "", 200, "", "", `{"Content":"{\"openapi\": \"3.0.0\"}"`},
		{from, "GET " + s + "?schemaVersion=11", "", 404, "NotFoundException", "Version 11 of schema with name acme.products does not exist.", ""},
		{from, "GET " + s + "?schemaVersion=x", "", 400, "BadRequestException", "The schema version x is not a number.", ""},
		{"documentation", "GET " + s + "/versions?limit=3", "", 200, "", "", `"SchemaVersion":"1","Type":"OpenApi3"},{"SchemaArn":"arn:aws:schemas:us-east-1:000000000000:schema/r/acme.products","SchemaName":"acme.products","SchemaVersion":"10"`},
		{from, "GET " + r + "/schemas?limit=0", "", 400, "BadRequestException", "The limit must be between 1 and 100.", ""},
		{from, "GET " + r + "/schemas?schemaNamePrefix=x", "", 200, "", "", `{"Schemas":[]}`},
		{from, "GET " + r + "/schemas?schemaNamePrefix=acme", "", 200, "", "", `"VersionCount":10`},
		{from, "DELETE " + s, "", 204, "", "", ""},
		{from, "GET " + s + "/versions", "", 404, "NotFoundException", "Schema with name acme.products does not exist.", ""},
		{from, "POST " + s, `{` + document + `}`, 201, "", "", `"SchemaVersion":"1"`},
		{from, "DELETE " + r, "", 204, "", "", ""},
		{from, "POST " + r, `{}`, 201, "", "", `"RegistryName":"r"`},
		{from, "GET " + s, "", 404, "NotFoundException", "Schema with name acme.products does not exist.", ""},
	}...))
}
