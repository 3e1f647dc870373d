package names

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"testing"
)

var updateFormats = flag.Bool("update-formats", false, "write the names of testdata/formats/v1 anew: only with the code of format 1")

const namesFile = "../../testdata/formats/v1/names.json"

// pinnedNames returns the names that deployments and their operators use.
func pinnedNames() map[string]map[string]string {
	const e, region, account = Environment("pins"), "us-east-1", "111122223333"
	return map[string]map[string]string{
		"environment": {
			"EnvEnvironment": EnvEnvironment, "EnvTable": EnvTable, "EnvBucket": EnvBucket, "EnvSchemasPrefix": EnvSchemasPrefix,
			"EnvDataPrefix": EnvDataPrefix, "EnvAccount": EnvAccount, "EnvPartition": EnvPartition, "EnvOutputBuses": EnvOutputBuses,
			"EnvInputBus": EnvInputBus, "EnvOutputBus": EnvOutputBus,
			"EnvMarkDays": EnvMarkDays, "EnvTimeout": EnvTimeout, "EnvStrictKeys": EnvStrictKeys, "EnvGC": EnvGC,
		},
		"resources": {
			"Stack": e.Name(Stack), "Function": e.Name(Function), "TestFunction": e.Name(TestFunction), "RelayFunction": e.Name(RelayFunction), "Table": e.Name(Table), "InputRule": e.Name(InputRule),
			"TestRule": e.Name(TestRule), "RelayRule": e.Name(RelayRule), "InputDLQ": e.Name(InputDLQ), "FailureQueue": e.Name(FailureQueue),
			"InputBuffer": e.Name(InputBuffer), "Archive": e.Name(Archive), "InputBus": e.Name(InputBus), "Dashboard": e.Name(Dashboard),
			"Bucket": e.Bucket(account, region), "Role": e.Role(region), "TestRole": e.TestRole(region), "LogGroup": LogGroup(e.Name(Function)),
			"API": e.Name(API), "APILogGroup": e.Name(APILogGroup), "AlarmTopic": e.Name(AlarmTopic), "Alarm": e.Alarm("what"), "Query": e.Query("what"),
			"KeyAlias": e.Name(KeyAlias), "TargetBusStack": e.Name(TargetBusStack), "TargetBusStatement": e.Name(TargetBusStatement),
			"PublisherStatement": e.Name(PublisherStatement), "OrganizationStatement": e.Name(OrganizationStatement),
		},
		"stored": {
			"MetricNamespace": MetricNamespace, "SchemasPrefix": SchemasPrefix, "DataPrefix": DataPrefix, "TableHash": TableHash,
			"TableSort": TableSort, "TableTTL": TableTTL, "Index": Index, "IndexHash": IndexHash, "IndexSort": IndexSort,
			"InputSource": InputSource, "OutputSource": OutputSource, "Local": Local, "LocalAccount": LocalAccount, "LocalRegion": LocalRegion,
		},
	}
}

// TestFormatV1Names compares environment variables and resource names with
// those of format 1.
func TestFormatV1Names(t *testing.T) {
	if *updateFormats {
		text, err := json.MarshalIndent(pinnedNames(), "", "  ")
		if err == nil {
			err = os.WriteFile(namesFile, append(text, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(namesFile)
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]map[string]string
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	got := pinnedNames()
	for group, names := range want {
		for name, value := range names {
			if got[group][name] != value {
				t.Errorf("%s is %q, in format 1 it was %q: deployments in use have the old name", name, got[group][name], value)
			}
		}
		if !maps.Equal(got[group], names) {
			t.Errorf("%s: the fixture and this test do not list the same names", group)
		}
	}
}
