package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/internal/names"
	"github.com/blockforger/eventrouter/store/dynamostore"
)

const (
	coldStarts   = 21
	warmBatch    = 2000
	binaryFlags  = "-s -w -buildid="
	benchTenants = "schemas"
)

// sampleFiles are the tenant files that a POST to evented reads.
func sampleFiles() (map[string]string, error) {
	files := map[string]string{}
	for _, name := range []string{"evented/tenant.properties", "evented/evented.json"} {
		text, err := os.ReadFile(filepath.Join(benchTenants, filepath.FromSlash(name)))
		if err != nil {
			return nil, err
		}
		files[name] = string(text)
	}
	return files, nil
}

// event is an input event of about 600 bytes.
func event(key string, n int) string {
	return fmt.Sprintf(`{"version":"0","id":"6a7e8feb-b491-4cf7-a9f1-%012d","detail-type":"evented.POST","source":"blockforger-input",`+
		`"account":"000000000000","time":%q,"region":"us-east-1","resources":[],"detail":{"tenant":"evented","rootSchema":"evented",`+
		`"operation":"POST","api_key":%q,"payload":{"id":"record-%d","numeric":12345.678,"string":"a text of a length that is usual for a description in a record of this kind"}}}`,
		n, time.Now().UTC().Format(time.RFC3339), key, n)
}

// handlers builds and measures the function beside the bare handler: cold
// start, CPU of a warm call, size of the binary, AWS calls of an event.
func handlers(ctx context.Context, t *table) error {
	dir, err := os.MkdirTemp("", "eventrouter-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	files, err := sampleFiles()
	if err != nil {
		return err
	}
	aws, key, err := newAWS(ctx, files)
	if err != nil {
		return err
	}
	defer aws.Close()

	binaries := map[string]string{"router": "./lambda/bootstrap", "bare": "./bench/bare"}
	size := map[string]int64{}
	for name, pkg := range binaries {
		out := filepath.Join(dir, name)
		cmd := exec.CommandContext(ctx, "go", "build", "-tags", "lambda.norpc", "-trimpath", "-ldflags", binaryFlags, "-o", out, pkg)
		cmd.Env, cmd.Stderr = append(os.Environ(), "CGO_ENABLED=0"), os.Stderr
		if err := cmd.Run(); err != nil {
			return err
		}
		info, err := os.Stat(out)
		if err != nil {
			return err
		}
		binaries[name], size[name] = out, info.Size()
	}
	// The function runs as the stack sets it; the bare handler as Go does.
	bareEnv := functionEnvironment(aws.URL)
	env := map[string][]string{"bare": bareEnv, "router": append(bareEnv, names.EnvGC+"="+names.GC)}

	cold := map[string][]time.Duration{}
	for i := range coldStarts { // in turn, so that noise meets both
		for _, name := range []string{"bare", "router"} {
			start := time.Now()
			f, err := startFunction(binaries[name], env[name])
			if err == nil {
				err = f.invoke(event(key, i))
			}
			took := time.Since(start)
			f.stop()
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			cold[name] = append(cold[name], took)
		}
	}
	warm := map[string]time.Duration{}
	for _, name := range []string{"bare", "router"} {
		aws.reset()
		short, err := cpu(binaries[name], env[name], key, 100)
		if err != nil {
			return err
		}
		long, err := cpu(binaries[name], env[name], key, 100+warmBatch)
		if err != nil {
			return err
		}
		warm[name] = (long - short) / warmBatch
	}
	calls := aws.perEvent(100 + 100 + warmBatch)

	bare, ours := median(cold["bare"]), median(cold["router"])
	t.row("process start to first response", ms(ours), ms(bare)+" bare handler", fmt.Sprintf("+%s", ms(ours-bare)), "+2 ms")
	t.row("CPU of a warm POST with one output", us(warm["router"]), us(warm["bare"])+" bare handler", ratio(warm["router"], warm["bare"]), "1.15")
	t.row("size of the binary", mb(size["router"]), mb(size["bare"])+" bare handler", fmt.Sprintf("%.2f", float64(size["router"])/float64(size["bare"])), "1.25")
	t.row("AWS calls of a warm POST with one output", calls, "", "", "one transaction, one PutEvents, one settle")
	return nil
}

// cpu is what a process used that answered n events.
func cpu(binary string, env []string, key string, n int) (time.Duration, error) {
	f, err := startFunction(binary, env)
	if err != nil {
		return 0, err
	}
	for i := range n {
		if err := f.invoke(event(key, i)); err != nil {
			f.stop()
			return 0, err
		}
	}
	return f.stop(), nil
}

// newAWS makes an echo that knows the tenant's files and one API key.
func newAWS(ctx context.Context, files map[string]string) (*echo, string, error) {
	e := newEcho(files)
	client := dynamodb.New(dynamodb.Options{Region: names.LocalRegion, BaseEndpoint: aws.String(e.URL),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "bench", SecretAccessKey: "bench"}, nil
		})})
	key, secret, err := apikey.New("evented", []apikey.Permission{apikey.BackendCalls}, time.Time{}, time.Now(), rand.Reader)
	key.LastUsed = time.Now().UTC().Truncate(24 * time.Hour) // noted once a day: not what is measured
	if err == nil {
		err = dynamostore.New(client, "bench", nil).PutKey(ctx, key)
	}
	return e, secret.Reveal(), err
}

func functionEnvironment(endpoint string) []string {
	return []string{
		"AWS_REGION=" + names.LocalRegion, "AWS_ACCESS_KEY_ID=bench", "AWS_SECRET_ACCESS_KEY=bench", "AWS_ENDPOINT_URL=" + endpoint,
		names.EnvEnvironment + "=bench", names.EnvTable + "=bench", names.EnvBucket + "=bench",
		names.EnvAccount + "=" + names.LocalAccount,
	}
}

func (e *echo) reset() {
	e.mu.Lock()
	defer e.mu.Unlock()
	clear(e.calls)
}

// perEvent tells the calls that were made at least once an event.
func (e *echo) perEvent(n int) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	text := ""
	for _, name := range slices.Sorted(maps.Keys(e.calls)) {
		if per := float64(e.calls[name]) / float64(n); per > 0.5 {
			text += fmt.Sprintf("%s %.0f ", name, per)
		}
	}
	return text
}
