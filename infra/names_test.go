package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

const namesFile = "testdata/names.json"

// physicalNames are the properties that hold the physical name of a resource, by type.
var physicalNames = map[string]string{
	"AWS::ApiGatewayV2::Api":     "Name",
	"AWS::CloudWatch::Alarm":     "AlarmName",
	"AWS::CloudWatch::Dashboard": "DashboardName",
	"AWS::DynamoDB::Table":       "TableName",
	"AWS::Events::Archive":       "ArchiveName",
	"AWS::Events::EventBus":      "Name",
	"AWS::Events::Rule":          "Name",
	"AWS::IAM::Role":             "RoleName",
	"AWS::KMS::Alias":            "AliasName",
	"AWS::KMS::Key":              "", // CloudFormation names it
	"AWS::Lambda::Function":      "FunctionName",
	"AWS::Logs::LogGroup":        "LogGroupName",
	"AWS::Logs::QueryDefinition": "Name",
	"AWS::S3::Bucket":            "BucketName",
	"AWS::SNS::Topic":            "TopicName",
	"AWS::SQS::Queue":            "QueueName",
}

// A namedResource is what cannot change without replacing the resource.
type namedResource struct {
	Type    string `json:"type"`
	Name    any    `json:"name,omitempty"`
	Keys    any    `json:"keys,omitempty"`    // of a table
	Indexes any    `json:"indexes,omitempty"` // likewise
}

func namedResources(t template) map[string]namedResource {
	named := map[string]namedResource{}
	for id, r := range t["Resources"].(map[string]any) {
		kind := r.(resource)["Type"].(string)
		property, ok := physicalNames[kind]
		if !ok {
			continue
		}
		properties, _ := r.(resource)["Properties"].(map[string]any)
		named[id] = namedResource{Type: kind, Name: properties[property], Keys: properties["KeySchema"], Indexes: properties["GlobalSecondaryIndexes"]}
	}
	return named
}

// TestNamedResources compares the logical ids and physical names of stateful and
// named resources with those of deployments in use. CloudFormation replaces a
// resource whose id or name changes: data is lost, or left behind.
func TestNamedResources(t *testing.T) {
	got := map[string]map[string]namedResource{"dev": namedResources(plain()), "prod": namedResources(complete())}
	changelog, err := os.ReadFile("../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(namesFile)
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]map[string]namedResource
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	for stack, resources := range want {
		for id, w := range resources {
			if g := got[stack][id]; normal(t, g) != normal(t, w) && !strings.Contains(string(changelog), "`"+id+"`") {
				t.Errorf("stack %s: resource %s was\n%s\nand is\n%s\nCloudFormation would replace it. Keep it as it was; or add an entry to CHANGELOG.md that names `%s` "+
					"and says what an operator must do before the deployment, and run make golden", stack, id, normal(t, w), normal(t, g), id)
			}
		}
	}
	if t.Failed() {
		return
	}
	if *update {
		text, err := json.MarshalIndent(got, "", "  ")
		if err == nil {
			err = os.WriteFile(namesFile, append(text, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	if normal(t, got) != normal(t, want) {
		t.Errorf("%s does not list the named resources of the stack: run make golden, and look at the diff", namesFile)
	}
}

func normal(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
