// Package names holds every name that function, command line and stack share:
// environment variables, and resources by environment. It imports only the standard
// library, so that all three can import it.
package names

import (
	"fmt"
	"strconv"
	"time"
)

// Environment variables of the functions.
const (
	EnvEnvironment   = "EVENTROUTER_ENVIRONMENT"    // the environment's name, for example dev
	EnvTable         = "EVENTROUTER_TABLE"          // name of the DynamoDB table
	EnvBucket        = "EVENTROUTER_BUCKET"         // name of the S3 bucket
	EnvSchemasPrefix = "EVENTROUTER_SCHEMAS_PREFIX" // key prefix of tenant files in the bucket
	EnvDataPrefix    = "EVENTROUTER_DATA_PREFIX"    // key prefix of records in the bucket
	EnvAccount       = "EVENTROUTER_ACCOUNT"        // account id of the deployment
	EnvPartition     = "EVENTROUTER_PARTITION"      // aws, aws-cn, aws-us-gov
	EnvInputBus      = "EVENTROUTER_INPUT_BUS"      // name of the bus that input events come from
	EnvOutputBus     = "EVENTROUTER_OUTPUT_BUS"     // ARN of the bus for output rules without one; the account's default bus if empty
	EnvOutputBuses   = "EVENTROUTER_OUTPUT_BUSES"   // JSON array: the allow-list of output buses
	EnvMarkDays      = "EVENTROUTER_MARK_DAYS"      // days for which an idempotency record lasts
	EnvTimeout       = "EVENTROUTER_TIMEOUT"        // the function's time-out in seconds
	EnvStrictKeys    = "EVENTROUTER_STRICT_KEYS"    // "true": check the API key's state on every call
)

// GC is the setting of Go's collector (environment variable GOGC) for the
// functions. They live on a few megabytes and are frozen between events:
// collecting at four times the live heap instead of twice saves a quarter of
// the CPU of a call and milliseconds of a cold start. See doc/benchmarks.md.
const (
	EnvGC = "GOGC"
	GC    = "400"
)

// EnvMemoryLimit is Go's memory limit (environment variable GOMEMLIMIT) for the functions:
// the collector then works harder before the memory of the function is exceeded, for
// example by a CSV file of 50 MB. The catalog of tenants is sized by it.
const EnvMemoryLimit = "GOMEMLIMIT"

// MemoryLimit returns the limit for a function with so many megabytes, four fifths: the
// rest is for what Go does not count, and for a peak between two collections.
func MemoryLimit(megabytes int) string { return strconv.Itoa(megabytes*4/5) + "MiB" }

// MarkDays is the default number of days for which an idempotency record lasts.
const MarkDays = 35

// Timeout is the function's time-out. A relay leaves a commit alone until it is
// older than the time-out and RelayGrace together.
const (
	Timeout    = 30 * time.Second
	RelayGrace = 10 * time.Second
)

// A run of the relay ends after RelayRun, and the next one continues; what it is
// doing then has until RelayTimeout, the relay function's time-out.
const (
	RelayRun     = 50 * time.Second
	RelayTimeout = 60 * time.Second
)

// Local is the environment of `eventrouter serve`.
const (
	Local        = "local"
	LocalAccount = "000000000000"
	LocalRegion  = "us-east-1"
)

// MetricNamespace is the CloudWatch namespace of the embedded metrics.
const MetricNamespace = "EventRouter"

// An Environment is the name of a deployment; it separates several deployments in
// one account.
type Environment string

// ParseEnvironment checks the name: 1 to 20 lower-case letters, digits and
// hyphens, a letter first, so that every resource name below fits.
func ParseEnvironment(s string) (Environment, error) {
	valid := len(s) >= 1 && len(s) <= 20 && 'a' <= s[0] && s[0] <= 'z'
	for i := range len(s) {
		c := s[i]
		valid = valid && ('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-')
	}
	if !valid {
		return "", fmt.Errorf("environment %q must be 1 to 20 of a-z, 0-9 and -, a letter first", s)
	}
	return Environment(s), nil
}

// A Resource is a kind of resource of which an environment has one. Its value is
// the prefix of the resource's name.
type Resource string

// Resources of an environment.
const (
	Stack         Resource = "EventRouter-"
	Function      Resource = "eventrouter-"
	TestFunction  Resource = "eventbridge-test-"
	Table         Resource = "eventrouter-"
	InputRule     Resource = "eventrouter-input-"
	TestRule      Resource = "eventrouter-test-"
	RelayFunction Resource = "eventrouter-relay-"
	RelayRule     Resource = "eventrouter-relay-"
	InputDLQ      Resource = "eventrouter-input-dlq-"
	FailureQueue  Resource = "eventrouter-failures-"
	InputBuffer   Resource = "eventrouter-input-"
	Archive       Resource = "eventrouter-input-"
	InputBus      Resource = "eventrouter-"
	Dashboard     Resource = "eventrouter-"
	API           Resource = "eventrouter-"
	APILogGroup   Resource = "/aws/apigateway/eventrouter-"
	AlarmTopic    Resource = "eventrouter-alarms-"
	KeyAlias      Resource = "alias/eventrouter-"

	TargetBusStack        Resource = "EventRouterTargetBus-"
	TargetBusStatement    Resource = "eventrouter-"
	PublisherStatement    Resource = "eventrouter-publishers-"
	OrganizationStatement Resource = "eventrouter-organization-"
)

// Name returns the name of a resource of the environment, for example
// eventrouter-input-dev for InputRule.
func (e Environment) Name(r Resource) string { return string(r) + string(e) }

// InputPattern is the event pattern of the rule that feeds the function. The
// payload is not in it: `exists` looks at leaves only and would never fire for
// an object. Output events carry no api_key, so that the second source is inert.
const InputPattern = `{"source":["blockforger-input","blockforger-output"],` +
	`"detail-type":[{"suffix":".POST"},{"suffix":".PUT"},{"suffix":".PATCH"},{"suffix":".DELETE"}],` +
	`"detail":{"tenant":[{"exists":true}],"rootSchema":[{"exists":true}],"api_key":[{"exists":true}]}}`

// TestPattern is the event pattern of the rule that feeds the test function.
const TestPattern = `{"source":["blockforger-output"]}`
