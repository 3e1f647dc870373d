package main

import (
	"context"
	"crypto/rand"
	"encoding/pem"
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
	coldStarts   = 31
	warmRounds   = 7
	warmBatch    = 500
	benchTenants = "schemas"
)

// sampleFiles returns the tenant files that a POST to evented reads.
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

// build builds a bootstrap with the flags of the Makefile, for this machine.
func build(ctx context.Context, pkg, out string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-tags", "lambda.norpc", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -buildid=", "-o", out, pkg)
	cmd.Env, cmd.Stderr = append(os.Environ(), "CGO_ENABLED=0"), os.Stderr
	return cmd.Run()
}

// handlers measures the function beside the bare handler: cold start, CPU of a warm
// call, size of the binary, AWS calls of an event.
func handlers(ctx context.Context, t *table) error {
	dir, err := os.MkdirTemp("", "eventrouter-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ours, bare := filepath.Join(dir, "eventrouter"), filepath.Join(dir, "bare")
	if err := build(ctx, "./lambda/bootstrap", ours); err != nil {
		return err
	}
	if err := build(ctx, "./bench/bare", bare); err != nil {
		return err
	}
	for _, tls := range []bool{false, true} {
		over := map[bool]string{false: "", true: ", over TLS"}[tls]
		found, err := measure(ctx, []string{ours, bare}, tls, coldStarts, warmRounds)
		if err != nil {
			return err
		}
		o, b := found[0], found[1]
		t.row("process start to first response"+over, o.coldWall.String(), b.coldWall.String()+" bare handler", "+"+ms(o.coldWall.median-b.coldWall.median), "+2.5 ms")
		t.row("CPU of a cold start"+over, o.coldCPU.String(), b.coldCPU.String()+" bare handler", "+"+ms(o.coldCPU.median-b.coldCPU.median), "reported")
		t.row("page faults of a cold start"+over, fmt.Sprint(o.faults), fmt.Sprint(b.faults)+" bare handler", fmt.Sprintf("+%d", o.faults-b.faults), "reported")
		t.row("CPU of a warm POST with one output"+over, o.warm.String(), b.warm.String()+" bare handler", "+"+us(o.warm.median-b.warm.median), "+60 us")
		if !tls {
			t.row("AWS calls of a warm POST with one output", o.calls, "", "", "one transaction, one PutEvents, one settle")
			t.row("AWS calls of the first POST", o.coldCalls, b.coldCalls+" bare handler", "", "reported")
		}
	}
	size := func(path string) int64 {
		info, err := os.Stat(path)
		if err != nil {
			return 0
		}
		return info.Size()
	}
	t.row("size of the binary", mb(size(ours)), mb(size(bare))+" bare handler", fmt.Sprintf("%.2f", float64(size(ours))/float64(size(bare))), "1.2")
	return nil
}

// compare measures bootstrap binaries that are given, for example with and without a
// measure that may make a cold start faster: go run ./bench compare a b.
func compare(ctx context.Context, t *table, binaries []string) error {
	found, err := measure(ctx, binaries, false, 3*coldStarts, warmRounds)
	if err != nil {
		return err
	}
	for i, f := range found {
		name := filepath.Base(binaries[i])
		t.row(name+": process start to first response", f.coldWall.String(), "", ms(f.coldWall.median-found[0].coldWall.median), "")
		t.row(name+": CPU of a cold start", f.coldCPU.String(), "", ms(f.coldCPU.median-found[0].coldCPU.median), "")
		t.row(name+": page faults of a cold start", fmt.Sprint(f.faults), "", fmt.Sprint(f.faults-found[0].faults), "")
		t.row(name+": AWS calls of the first POST", f.coldCalls, "", "", "")
		t.row(name+": CPU of a warm POST", f.warm.String(), "", us(f.warm.median-found[0].warm.median), "")
	}
	return nil
}

// handlerFigures are what is measured of one bootstrap.
type handlerFigures struct {
	coldWall, coldCPU, warm spread
	faults                  int64
	calls, coldCalls        string
}

// measure measures binaries in turns, so that the noise of the machine meets all of
// them, and with the same environment, so that garbage is collected alike.
func measure(ctx context.Context, binaries []string, tls bool, starts, rounds int) ([]handlerFigures, error) {
	files, err := sampleFiles()
	if err != nil {
		return nil, err
	}
	service, key, err := newAWS(ctx, files, tls)
	if err != nil {
		return nil, err
	}
	defer service.Close()
	env, err := functionEnvironment(service)
	if err != nil {
		return nil, err
	}
	type samples struct {
		wall, cpu, warm  []time.Duration
		faults           []int64
		calls, coldCalls string
	}
	all := make([]samples, len(binaries))
	for i := range starts {
		for b, binary := range binaries {
			service.reset()
			start := time.Now()
			f, err := startFunction(binary, env)
			if err == nil {
				err = f.invoke(event(key, i))
			}
			wall := time.Since(start)
			used := f.stop()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", binary, err)
			}
			s := &all[b]
			s.coldCalls = service.perEvent(1)
			s.wall, s.cpu, s.faults = append(s.wall, wall), append(s.cpu, used.cpu), append(s.faults, used.faults)
		}
	}
	for range rounds {
		for b, binary := range binaries {
			service.reset()
			short, err := cpu(binary, env, key, 50)
			if err != nil {
				return nil, err
			}
			service.reset()
			long, err := cpu(binary, env, key, 50+warmBatch)
			if err != nil {
				return nil, err
			}
			all[b].warm = append(all[b].warm, (long-short)/warmBatch)
			all[b].calls = service.perEvent(50 + warmBatch)
		}
	}
	found := make([]handlerFigures, len(binaries))
	for b, s := range all {
		slices.Sort(s.faults)
		found[b] = handlerFigures{spreadOf(s.wall), spreadOf(s.cpu), spreadOf(s.warm), s.faults[len(s.faults)/2], s.calls, s.coldCalls}
	}
	return found, nil
}

// cpu returns the CPU time of a process that has processed n events.
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
	return f.stop().cpu, nil
}

// newAWS makes an echo that has the tenant's files and one API key.
func newAWS(ctx context.Context, files map[string]string, tls bool) (*echo, string, error) {
	e, err := newEcho(files, tls)
	if err != nil {
		return nil, "", err
	}
	client := dynamodb.New(dynamodb.Options{Region: names.LocalRegion, BaseEndpoint: aws.String(e.URL), HTTPClient: e.Client(),
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

// functionEnvironment is that of the function in the stack, for both sides.
func functionEnvironment(e *echo) ([]string, error) {
	env := []string{
		"AWS_REGION=" + names.LocalRegion, "AWS_ACCESS_KEY_ID=bench", "AWS_SECRET_ACCESS_KEY=bench", "AWS_ENDPOINT_URL=" + e.URL,
		names.EnvEnvironment + "=bench", names.EnvTable + "=bench", names.EnvBucket + "=bench",
		names.EnvAccount + "=" + names.LocalAccount, names.EnvGC + "=" + names.GC,
		names.EnvMemoryLimit + "=" + names.MemoryLimit(512),
	}
	if e.Certificate() == nil {
		return env, nil
	}
	file := filepath.Join(e.dir, "ca.pem")
	err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: e.Certificate().Raw}), 0o600)
	return append(env, "SSL_CERT_FILE="+file), err
}

func (e *echo) reset() {
	e.mu.Lock()
	defer e.mu.Unlock()
	clear(e.calls)
}

// perEvent lists the calls that were made at least once per event.
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
