package names

// Prefixes of the keys in the bucket.
const (
	SchemasPrefix = "schemas/"
	DataPrefix    = "data/"
)

// Keys and index of the table, as package dynamostore uses them.
const (
	TableHash  = "pk"
	TableSort  = "sk"
	TableTTL   = "ttl"
	Index      = "open"
	IndexHash  = "open"
	IndexSort  = "opened"
	DefaultBus = "default"
)

// Sources of events: of input events, and by default of output events.
const (
	InputSource  = "blockforger-input"
	OutputSource = "blockforger-output"
)

// Bucket names the bucket. S3 has one namespace for all accounts, so the name
// includes account and region.
func (e Environment) Bucket(account, region string) string {
	return "eventrouter-" + string(e) + "-" + account + "-" + region
}

// Role names the function's role. IAM has one namespace for all regions. Other
// accounts name this role in the policies of their buses.
func (e Environment) Role(region string) string { return "eventrouter-" + string(e) + "-" + region }

// TestRole names the test function's role.
func (e Environment) TestRole(region string) string {
	return "eventbridge-test-" + string(e) + "-" + region
}

// LogGroup names the log group of one of the functions.
func LogGroup(function string) string { return "/aws/lambda/" + function }

// Alarm returns the name of an alarm.
func (e Environment) Alarm(what string) string { return "eventrouter-" + string(e) + "-" + what }

// Query returns the name of a saved query of CloudWatch Logs Insights.
func (e Environment) Query(what string) string { return "eventrouter-" + string(e) + "/" + what }

// BusGuard names the SSM parameter that holds the environment whose input rule
// listens on a shared bus. Its name does not contain the environment: the
// deployment of a second environment on the same bus fails on it.
func BusGuard(bus string) string {
	if bus == DefaultBus {
		return "/eventrouter/default-bus"
	}
	return "/eventrouter/input-bus/" + bus
}
