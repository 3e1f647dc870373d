package dynamoclaims_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/blockforger/eventrouter/events/typed"
	"github.com/blockforger/eventrouter/events/typed/claimstest"
	"github.com/blockforger/eventrouter/events/typed/dynamoclaims"
	"github.com/blockforger/eventrouter/internal/awstest"
)

// consumerEnv makes the test binary a consumer: it names a file of effects, the
// database and the table.
const consumerEnv = "DYNAMOCLAIMS_TEST_CONSUMER"

func TestMain(m *testing.M) {
	if args := os.Getenv(consumerEnv); args != "" {
		if err := consume(strings.Split(args, "|")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(awstest.Main(m))
}

func newTable(t *testing.T) (url, table string) {
	t.Helper()
	url, table = awstest.DynamoDB(t), "claims-"+rand.Text()
	client := dynamodb.NewFromConfig(awstest.Config(url))
	if _, err := client.CreateTable(t.Context(), &dynamodb.CreateTableInput{TableName: &table, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}}}); err != nil {
		t.Fatal(err)
	}
	return url, table
}

func TestClaims(t *testing.T) {
	claimstest.Run(t, func(t *testing.T, now func() time.Time) typed.Claims {
		url, table := newTable(t)
		claims := dynamoclaims.New(dynamodb.NewFromConfig(awstest.Config(url)), table)
		dynamoclaims.SetNow(claims, now)
		return claims
	})
}

const (
	killEvents = 8
	expiry     = 700 * time.Millisecond
)

type effect struct {
	N int `json:"n"`
}

// consume handles all events of the kill test once: an effect is a line, and takes
// a while before and after it is written.
func consume(args []string) error {
	file, url, table := args[0], args[1], args[2]
	out, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	registry := typed.NewRegistry(typed.Map{{Source: "test", DetailType: "Effect"}: typed.Decode[effect]})
	consumer := typed.On(registry, func(_ context.Context, e effect) error {
		time.Sleep(20 * time.Millisecond)
		if _, err := fmt.Fprintf(out, "%d\n", e.N); err != nil {
			return err
		}
		time.Sleep(20 * time.Millisecond)
		return nil
	}).Once(dynamoclaims.New(dynamodb.NewFromConfig(awstest.Config(url)), table), &typed.OnceOptions{Expiry: expiry})
	for n := range killEvents {
		// A failed event is what the queue delivers again, in a later run.
		if _, err := consumer.Handle(context.Background(), []byte(fmt.Sprintf(`{"id":"e%d","source":"test","detail-type":"Effect","detail":{"n":%d}}`, n, n))); err == nil {
			fmt.Printf("done %d\n", n)
		} else {
			fmt.Printf("again %d: %v\n", n, err)
		}
	}
	return nil
}

// TestKill kills a consumer in the middle of its handlers, again and again. No
// event is lost, each is marked done once, and none has another effect after that.
func TestKill(t *testing.T) {
	url, table := newTable(t)
	file := filepath.Join(t.TempDir(), "effects")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// run runs a consumer, and kills it after its n-th effect since the start; -1
	// lets it end. It returns what it reported done.
	run := func(killAfter int) map[string]bool {
		t.Helper()
		cmd := exec.Command(exe)
		cmd.Env = append(os.Environ(), consumerEnv+"="+strings.Join([]string{file, url, table}, "|"))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		before := len(lines(t, file))
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if killAfter >= 0 {
			for deadline := time.Now().Add(time.Minute); len(lines(t, file)) < before+killAfter; time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					_ = cmd.Process.Kill()
					t.Fatal("the consumer has no effects")
				}
			}
			// In the middle: the effect is written, the event not marked.
			_ = cmd.Process.Kill()
		}
		done := make(map[string]bool)
		for s := bufio.NewScanner(out); s.Scan(); {
			if n, ok := strings.CutPrefix(s.Text(), "done "); ok {
				done[n] = true
			}
		}
		if err := cmd.Wait(); err != nil && killAfter < 0 {
			t.Fatal(err)
		}
		return done
	}

	run(1)
	run(2) // finds the first in progress, and takes the next two
	var done map[string]bool
	for range 20 {
		time.Sleep(expiry)
		if done = run(-1); len(done) == killEvents {
			break
		}
	}
	if len(done) != killEvents {
		t.Fatalf("%d of %d events are done", len(done), killEvents)
	}
	effects := lines(t, file)
	count := make(map[string]int)
	for _, n := range effects {
		count[n]++
	}
	repeated := 0
	for n := range killEvents {
		c := count[fmt.Sprint(n)]
		if c == 0 {
			t.Errorf("event %d is lost", n)
		}
		repeated += c - 1
	}
	// Each kill leaves one event with an effect and without a mark.
	if repeated > 2 {
		t.Errorf("%d effects of events that were marked done were repeated: %q", repeated, effects)
	}
	if run(-1); len(lines(t, file)) != len(effects) {
		t.Error("an event that is done had another effect")
	}
	items, err := dynamodb.NewFromConfig(awstest.Config(url)).Scan(t.Context(), &dynamodb.ScanInput{TableName: &table})
	if err != nil {
		t.Fatal(err)
	}
	marked := 0
	for _, item := range items.Items {
		if s, ok := item["state"].(*types.AttributeValueMemberS); ok && s.Value == "done" {
			marked++
		}
	}
	if marked != killEvents || len(items.Items) != killEvents {
		t.Errorf("%d items, %d of them done; want %d", len(items.Items), marked, killEvents)
	}
}

func lines(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return strings.Fields(string(text))
}
