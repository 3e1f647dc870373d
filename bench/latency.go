package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/internal/admin"
)

const latencyEvents = 1000

// latency measures, on a local server, from the answer of PutEvents to the
// output event's arrival at the test function; one event at a time, and with
// every event on one tenant or one record.
func latency(ctx context.Context, t *table) error {
	dir, remove, err := buildCommand(ctx)
	if err != nil {
		return err
	}
	defer remove()
	binary := filepath.Join(dir, "eventrouter")
	for _, c := range []struct {
		what, operation string
		record          func(i int) string
	}{
		{"one hot tenant", "POST", func(i int) string { return fmt.Sprintf("r%d", i) }},
		{"one hot record", "PATCH", func(int) string { return "hot" }},
	} {
		took, err := measureLatency(ctx, binary, filepath.Join(dir, c.operation), c.operation, c.record)
		if err != nil {
			return err
		}
		t.row("accepted to published, local, "+c.what, "p50 "+ms(percentile(took, 50))+", p99 "+ms(percentile(took, 99)), "", "", "reported")
	}
	return nil
}

func measureLatency(ctx context.Context, binary, data, operation string, record func(int) string) ([]time.Duration, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		return nil, err
	}
	url := "http://" + address
	server := exec.CommandContext(ctx, binary, "serve", "--listen", address, "--data", data, "--schemas", benchTenants, "--demo-key=")
	if err := server.Start(); err != nil {
		return nil, err
	}
	defer func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	}()
	for tries := 0; ; tries++ {
		if resp, err := http.Get(url + "/_/health"); err == nil {
			_ = resp.Body.Close()
			break
		}
		if tries > 200 {
			return nil, fmt.Errorf("the server does not start")
		}
		time.Sleep(20 * time.Millisecond)
	}
	client := admin.NewClient(url)
	key, err := client.CreateKey(ctx, admin.NewKey{Tenant: "evented", Permissions: []apikey.Permission{apikey.BackendCalls}})
	if err != nil {
		return nil, err
	}
	events := eventbridge.New(eventbridge.Options{Region: "us-east-1", BaseEndpoint: aws.String(url),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "bench", SecretAccessKey: "bench"}, nil
		})})
	put := func(operation, id string, n int) error {
		out, err := events.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
			Source: aws.String("blockforger-input"), DetailType: aws.String("evented." + operation),
			Detail: aws.String(fmt.Sprintf(`{"tenant":"evented","rootSchema":"evented","operation":%q,"api_key":%q,"payload":{"id":%q,"numeric":%d}}`, operation, key.Key, id, n))}}})
		if err == nil && out.FailedEntryCount > 0 {
			err = fmt.Errorf("PutEvents refused an entry: %s", aws.ToString(out.Entries[0].ErrorMessage))
		}
		return err
	}
	if operation != "POST" {
		if err := put("POST", record(0), -1); err != nil {
			return nil, err
		}
		time.Sleep(time.Second)
	}
	accepted := make([]time.Time, latencyEvents)
	for i := range accepted {
		if err := put(operation, record(i), i); err != nil {
			return nil, err
		}
		accepted[i] = time.Now()
	}
	arrived := map[string]time.Time{}
	// Where a machine is busy an entry may be left to the relay, a minute later.
	for deadline := time.Now().Add(90 * time.Second); len(arrived) < latencyEvents && time.Now().Before(deadline); {
		time.Sleep(time.Second)
		page, err := client.Logs(ctx, "eventbridge-test-local", 0, 0)
		if err != nil {
			return nil, err
		}
		for _, line := range page.Lines {
			if _, rest, ok := strings.Cut(line.Text, `"numeric":`); ok {
				number, _, _ := strings.Cut(rest, "}")
				if _, known := arrived[number]; !known && number != "-1" { // -1 made the record
					arrived[number] = line.Time
				}
			}
		}
	}
	took := make([]time.Duration, 0, latencyEvents)
	for i, at := range accepted {
		if seen, ok := arrived[fmt.Sprint(i)]; ok {
			took = append(took, max(0, seen.Sub(at)))
		}
	}
	if len(took) < latencyEvents {
		return nil, fmt.Errorf("only %d of %d output events arrived", len(took), latencyEvents)
	}
	return took, nil
}
