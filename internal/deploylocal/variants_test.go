package deploylocal

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestDeployVariants synthesizes, lints and deploys the stack with the options that
// change its resources.
func TestDeployVariants(t *testing.T) {
	if os.Getenv(enable) != "1" {
		t.Skipf("takes some minutes; run: make deploy-local")
	}
	var accounts []string
	for i := range 60 {
		accounts = append(accounts, fmt.Sprintf("1111222%05d", i))
	}
	everything := map[string]string{
		"environment": "prod", "publisherAccounts": "111122223333,444455556666", "publisherOrganization": "o-a1b2c3d4e5", "outputBuses": ordersBus,
		"logRetentionDays": "90", "alarmEmail": "ops@example.com", "markDays": "12", "archiveDays": "7", "inputBuffer": "sqs", "inputBus": "dedicated",
		"reservedConcurrency": "50", "removalPolicy": "destroy", "testFunction": "true", "warmWrites": "10000", "apiRateLimit": "50", "bufferConcurrency": "20",
	}
	router := func(name string) map[string]string {
		return map[string]string{"stack": "target-bus", "routerAccount": "111122223333", "routerRegion": name, "targetBus": "orders"}
	}
	for _, v := range []struct {
		name   string
		stacks []map[string]string // deployed one after the other to the same account
		buses  []string            // that exist already
	}{
		{"prod with everything", []map[string]string{everything}, nil},
		{"dedicated", []map[string]string{{"inputBus": "dedicated"}}, nil},
		{"existing buses", []map[string]string{{"inputBus": "shared", "outputBus": "answers"}}, []string{"shared", "answers"}},
		{"sqs", []map[string]string{{"inputBuffer": "sqs"}}, nil},
		{"60 publishers", []map[string]string{{"publisherAccounts": strings.Join(accounts, ",")}}, nil},
		{"restored table, no API", []map[string]string{{"tableName": "eventrouter-restored", "api": "false"}}, nil},
		{"target-bus twice", []map[string]string{router("us-east-1"), router("eu-west-1")}, []string{"orders"}},
	} {
		t.Run(v.name, func(t *testing.T) {
			var moto *cloud
			for _, values := range v.stacks {
				assembly := t.TempDir()
				args := []string{"synth", "--quiet", "--output", assembly}
				for _, key := range slices.Sorted(maps.Keys(values)) {
					args = append(args, "-c", key+"="+values[key])
				}
				(*cloud)(nil).cdk(t, args...)
				templates, err := filepath.Glob(filepath.Join(assembly, "*.template.json"))
				if err != nil || len(templates) != 1 {
					t.Fatalf("%d templates, %v", len(templates), err)
				}
				if out, err := exec.Command("cfn-lint", "--non-zero-exit-code", "error", "-t", templates[0]).CombinedOutput(); err != nil {
					t.Errorf("cfn-lint: %v\n%s", err, out)
				}
				if moto == nil {
					moto = newNamedCloud(t, "moto for "+v.name, templates[0])
					moto.cdk(t, "bootstrap", "--app", assembly, "aws://"+account+"/"+region)
					for _, bus := range v.buses {
						moto.aws(t, "events", "create-event-bus", "--name", bus)
					}
				}
				stack := strings.TrimSuffix(filepath.Base(templates[0]), ".template.json")
				moto.cdk(t, "deploy", "--app", assembly, "--method", "direct", "--require-approval", "never", stack)
				if got := moto.aws(t, "cloudformation", "describe-stacks", "--stack-name", stack, "--query", "Stacks[0].StackStatus"); got != "CREATE_COMPLETE" {
					t.Errorf("%s: %v", stack, got)
				}
			}
		})
	}
}
