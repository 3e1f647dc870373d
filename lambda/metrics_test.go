package lambda

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/router"
)

// TestMetricsOfATenant checks that a request with a valid key has one metric with the
// tenant as a dimension, and any other request none: each costs money by tenant.
func TestMetricsOfATenant(t *testing.T) {
	for _, c := range []struct {
		report router.Report
		want   int
	}{
		{router.Report{Tenant: "acme", KeyID: "k1", Outcome: router.Succeeded}, 1},
		{router.Report{Tenant: "guessed", Outcome: router.Rejected}, 0},
	} {
		var b bytes.Buffer
		log := &logger{environment: "prod", now: time.Now}
		log.request(invocation{log: &b}, &c.report, 201)
		var line struct {
			AWS struct {
				CloudWatchMetrics []struct {
					Dimensions [][]string
					Metrics    []struct{ Name string }
				}
			} `json:"_aws"`
		}
		if err := json.Unmarshal(b.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		byTenant, all := 0, 0
		for _, d := range line.AWS.CloudWatchMetrics {
			for _, set := range d.Dimensions {
				if len(set) == 2 && set[1] == "tenant" {
					byTenant += len(d.Metrics)
				} else {
					all += len(d.Metrics)
				}
			}
		}
		if byTenant != c.want || all != 9 {
			t.Errorf("%d metrics of the tenant and %d of all, want %d and 9: %s", byTenant, all, c.want, b.Bytes())
		}
	}
}
