package names

import (
	"strings"
	"testing"
)

// TestLongestNamesFit checks that each name that [ParseEnvironment] accepts fits
// every resource, in the region and account with the longest names.
func TestLongestNamesFit(t *testing.T) {
	const region, account = "ap-southeast-1", "123456789012"
	longest, err := ParseEnvironment("e" + strings.Repeat("n", 19))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		most int
	}{
		{longest.Name(Stack), 128}, {longest.Name(TargetBusStack), 128}, {longest.Name(Function), 64}, {longest.Name(TestFunction), 64},
		{longest.Name(Table), 255}, {longest.Bucket(account, region), 63}, {longest.Role(region), 64}, {longest.TestRole(region), 64},
		{longest.Name(InputRule), 64}, {longest.Name(TestRule), 64}, {longest.Name(RelayRule), 64}, {longest.Name(RelayFunction), 64}, {longest.Name(InputBus), 256}, {longest.Name(Archive), 48},
		{longest.Name(InputDLQ), 80}, {longest.Name(FailureQueue), 80}, {longest.Name(InputBuffer), 80}, {longest.Name(API), 128}, {longest.Name(AlarmTopic), 256},
		{longest.Name(PublisherStatement) + "-" + account, 64}, {longest.Name(OrganizationStatement), 64}, {longest.Name(TargetBusStatement), 64},
		{longest.Alarm("input-dead-letters"), 255}, {BusGuard(strings.Repeat("b", 256)), 1011}, {longest.Name(KeyAlias), 256}, {longest.Name(Dashboard), 255},
	} {
		if len(c.name) > c.most {
			t.Errorf("%s has %d characters, AWS allows %d", c.name, len(c.name), c.most)
		}
	}
}

func TestInvalidEnvironments(t *testing.T) {
	for _, s := range []string{"", "Prod", "1dev", "-dev", "a_b", "a.b", "a b", strings.Repeat("a", 21), "d\u00e9v"} {
		if e, err := ParseEnvironment(s); err == nil {
			t.Errorf("%q is accepted as %q", s, e)
		}
	}
}
