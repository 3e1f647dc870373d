package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/blockforger/eventrouter/events"
)

func TestDefaults(t *testing.T) {
	got, err := ReadConfig(nil)
	want := Config{Environment: "dev", MarkDays: 35, ArchiveDays: 30, LogRetentionDays: 30, TestFunction: true, API: true, Retain: true,
		InputBus: Bus{Name: "default"}, OutputBus: Bus{Name: "default"}, APIRate: 1000, APIBurst: 500}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestForms: a key means the same from cdk.json and from the command line.
func TestForms(t *testing.T) {
	const bus = "arn:aws:events:us-east-1:123456789012:event-bus/orders"
	for name, values := range map[string]map[string]any{
		"JSON values": {"publisherAccounts": []any{"111122223333", "444455556666"}, "outputBuses": []any{bus}, "testFunction": false,
			"markDays": float64(40), "reservedConcurrency": float64(5)},
		"JSON as text": {"publisherAccounts": `["111122223333","444455556666"]`, "outputBuses": `[{"arn":"` + bus + `"}]`, "testFunction": "false",
			"markDays": "40", "reservedConcurrency": "5"},
		"commas": {"publisherAccounts": "444455556666, 111122223333,", "outputBuses": bus, "testFunction": "false",
			"markDays": "40", "reservedConcurrency": "5"},
	} {
		got, err := ReadConfig(values)
		want := Config{Environment: "dev", PublisherAccounts: []string{"111122223333", "444455556666"}, OutputBuses: []OutputBus{{ARN: bus}},
			MarkDays: 40, ArchiveDays: 30, LogRetentionDays: 30, ReservedConcurrency: 5, Retain: true, API: true,
			InputBus: Bus{Name: "default"}, OutputBus: Bus{Name: "default"}, APIRate: 1000, APIBurst: 500}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

func TestRefusedContext(t *testing.T) {
	const bus = "arn:aws:events:us-east-1:123456789012:event-bus/orders"
	for _, c := range []struct {
		key   string
		value any
		want  string
	}{
		{"environment", "Prod", "must be 1 to 20"},
		{"environment", "an-environment-name-that-is-long", "must be 1 to 20"},
		{"environment", "local", "choose another"},
		{"environment", true, "must be a string, not a boolean"},
		{"publisherAccounts", "12345", "must have 12 digits"},
		{"publisherAccounts", float64(12345678901), "must have 12 digits"}, // a leading zero that JSON took away
		{"publisherAccounts", map[string]any{"a": "b"}, "must be a JSON array, or a string with commas"},
		{"publisherAccounts", []any{true}, "entry 1 must be a string"},
		{"publisherAccounts", "[111122223333", "not JSON"},
		{"publisherOrganization", "r-abcd", "an organization's id"},
		{"publisherOrganization", "o-*", "an organization's id"},
		{"outputBuses", "orders", "is not the ARN of an event bus"},
		{"outputBuses", bus + ",x", "entry 2"},
		{"outputBuses", bus + "/bar", "is not the ARN of an event bus"},
		{"outputBuses", strings.Replace(bus, "123456789012", "1234", 1), "is not the ARN of an event bus"},
		{"outputBuses", strings.Replace(bus, "event-bus/", "rule/", 1), "is not the ARN of an event bus"},
		{"outputBuses", strings.Replace(bus, "event-bus", "event-busv2", 1), "newer custom event bus"},
		{"outputBuses", "arn:aws:events:us-east-1:123456789012:event-bus/*", "is not the ARN of an event bus"},
		{"outputBuses", []any{map[string]any{"arn": bus, "tenant": []any{"acme"}}}, "there is no such member"},
		{"outputBuses", []any{map[string]any{"arn": bus, "tenants": "acme"}}, "tenants: must be an array"},
		{"outputBuses", []any{map[string]any{"arn": bus, "tenants": []any{"../x"}}}, "not a tenant's id"},
		{"outputBuses", []any{map[string]any{"arn": bus, "sources": []any{"blockforger-input"}}}, "cannot publish with source"},
		{"outputBuses", []any{map[string]any{"arn": bus, "sources": []any{"aws.s3"}}}, "cannot publish with source"},
		{"outputBuses", []any{float64(1)}, "must be an ARN, or an object"},
		{"outputBuses", strings.Repeat(bus+",", 60), "name fewer buses"},
		{"logRetentionDays", "31", "must be one of 1, 3, 5"},
		{"logRetentionDays", "month", "whole number"},
		{"alarmEmail", "ops", "an e-mail address"},
		{"markDays", "2", "whole number from 3"},
		{"markDays", 3.5, "whole number"},
		{"archiveDays", "34", "must still find its mark"}, // 35 less 2 is 33
		{"archiveDays", "-1", "whole number from 0"},
		{"inputBuffer", "kinesis", "must be one of: direct, sqs"},
		{"inputBus", "my bus", "must be the name or the ARN of an event bus"},
		{"inputBus", "eventrouter-dev", "write dedicated"},
		{"inputBus", "aws.partner/x", "reserved for partners"},
		{"inputBus", strings.Replace(bus, "event-bus", "event-busv2", 1), "newer custom event bus"},
		{"inputBus", strings.Replace(bus, "event-bus/", "rule/", 1), "is not the ARN of an event bus"},
		{"inputBus", true, "must be a string, not a boolean"},
		{"outputBus", "a/b", "must be the name or the ARN of an event bus"},
		{"outputBus", strings.Replace(bus, "123456789012", "1234", 1), "is not the ARN of an event bus"},
		{"outputBus", []any{bus}, "must be a string, not an array"},
		{"testFunction", "yes", "must be true or false"},
		{"testFunction", float64(1), "must be true or false"},
		{"apiRateLimit", "0", "whole number from 1 to 10000"},
		{"apiBurstLimit", "5001", "whole number from 1 to 5000"},
		{"apiBurstLimit", []any{}, "whole number from 1 to 5000"},
		{"reservedConcurrency", "0", "whole number from 1"},
		{"api", "off", "must be true or false"},
		{"api", []any{true}, "must be true or false, not an array"},
		{"tableName", "a b", "must be the name of a DynamoDB table"},
		{"tableName", "ab", "must be the name of a DynamoDB table"},
		{"tableName", "eventrouter-dev", "is the table that the stack makes itself; remove this key"},
		{"tableName", map[string]any{}, "must be a string, not an object"},
		{"warmWrites", "3999", "whole number from 4000 to 40000"},
		{"warmWrites", "many", "whole number from 4000 to 40000"},
		{"warmWrites", true, "whole number from 4000 to 40000"},
		{"bufferConcurrency", "x", "whole number from 2 to 1000"},
		{"apiRateLimit", 1.5, "whole number from 1 to 10000"},
		{"alarmEmail", true, "must be a string, not a boolean"},
		{"alarmEmail", "a@b.c,d@e.f", "an e-mail address"},
		{"logRetentionDays", []any{float64(30)}, "whole number"},
		{"markDays", "3651", "whole number from 3 to 3650"},
		{"archiveDays", true, "whole number"},
		{"inputBuffer", true, "must be a string, not a boolean"},
		{"reservedConcurrency", "unlimited", "whole number from 1"},
		{"removalPolicy", []any{}, "must be a string, not an array"},
		{"publisherOrganization", []any{"o-a1b2c3d4e5"}, "must be a string, not an array"},
		{"inputBus", "arn:aws:events:virginia:123456789012:event-bus/x", "is not the ARN of an event bus"},
		{"inputBus", "arn:aws:events:us-east-1:123456789012:event-bus", "is not the ARN of an event bus"},
		{"outputBus", "", ""},
		{"outputBus", "arn:aws:sqs:us-east-1:123456789012:event-bus/x", "is not the ARN of an event bus"},
		{"removalPolicy", "snapshot", "must be one of: retain, destroy"},
		{"stack", "other", "must be one of: router, target-bus"},
		{"publisherAcounts", "111122223333", "there is no such key; those that are: alarmEmail, api, apiBurstLimit"},
	} {
		_, err := ReadConfig(map[string]any{c.key: c.value})
		if c.want == "" { // an empty value is the default
			if err != nil {
				t.Errorf("%s=%v: %v", c.key, c.value, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "context key "+c.key+": ") {
			t.Errorf("%s=%v: error %v, want one that says %q", c.key, c.value, err, c.want)
		}
	}
}

func TestAllMistakesAreToldAtOnce(t *testing.T) {
	_, err := ReadConfig(map[string]any{"environment": "X", "alarmEmail": "y", "markDays": "z"})
	for _, key := range []string{"environment", "alarmEmail", "markDays"} {
		if err == nil || !strings.Contains(err.Error(), "context key "+key+":") {
			t.Errorf("%s is not in %v", key, err)
		}
	}
}

func TestKeysOfOthersAreLeftAlone(t *testing.T) {
	if _, err := ReadConfig(map[string]any{"aws:cdk:bundling-stacks": []any{"**"}, "@aws-cdk/core:x": true, "availability-zones:account=1": "a"}); err != nil {
		t.Error(err)
	}
}

// TestRetentionFollowsMarks: what is left unset is cut to what marks allow.
func TestRetentionFollowsMarks(t *testing.T) {
	for days, want := range map[string][2]int{"35": {30, 14}, "20": {18, 14}, "10": {8, 8}, "3": {1, 1}} {
		c, err := ReadConfig(map[string]any{"markDays": days})
		if err != nil || c.ArchiveDays != want[0] || c.QueueDays() != want[1] {
			t.Errorf("markDays %s: archive %d, queues %d, %v; want %v", days, c.ArchiveDays, c.QueueDays(), err, want)
		}
	}
}

func TestRefusedTargetBusContext(t *testing.T) {
	good := map[string]any{"stack": "target-bus", "routerAccount": "123456789012", "routerRegion": "us-east-1"}
	if _, err := ReadTargetBusConfig(good); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		key   string
		value any
		want  string
	}{
		{"routerAccount", nil, "is required"},
		{"routerAccount", "123", "12 digits"},
		{"routerRegion", nil, "is required"},
		{"routerRegion", "virginia", "a region such as"},
		{"targetBus", "a b", "the name of a bus"},
		{"targetBus", "foo/bar", "the name of a bus"},
		{"targetSources", "aws.s3", "cannot publish"},
		{"outputBuses", "x", "there is no such key"},
	} {
		values := map[string]any{}
		for k, v := range good {
			values[k] = v
		}
		if values[c.key] = c.value; c.value == nil {
			delete(values, c.key)
		}
		if _, err := ReadTargetBusConfig(values); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s=%v: error %v, want one that says %q", c.key, c.value, err, c.want)
		}
	}
}

// TestCode: the folders hold programs for one architecture, which becomes the
// functions' own.
func TestCode(t *testing.T) {
	header := func(machine elf.Machine) []byte {
		var b bytes.Buffer
		h := elf.Header64{Ident: [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
			Type: uint16(elf.ET_EXEC), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT), Ehsize: 64, Shentsize: 64}
		_ = binary.Write(&b, binary.LittleEndian, h)
		return b.Bytes()
	}
	arm, intel, mips := header(elf.EM_AARCH64), header(elf.EM_X86_64), header(elf.EM_MIPS)
	for name, c := range map[string]struct {
		router, test []byte
		mode         os.FileMode
		want         string
	}{
		"arm64":         {arm, arm, 0o755, "arm64"},
		"amd64":         {intel, intel, 0o755, "x86_64"},
		"missing":       {nil, nil, 0o755, "does not exist; run: make build"},
		"another":       {mips, mips, 0o755, "set GOARCH_LAMBDA"},
		"two":           {arm, intel, 0o755, "run: make build"},
		"script":        {[]byte("#!/bin/sh"), arm, 0o755, "is not a program for Linux"},
		"not a program": {arm, arm, 0o644, "is not an executable file"},
	} {
		build := t.TempDir()
		for folder, text := range map[string][]byte{"eventrouter": c.router, "eventrouter-relay": c.router, "eventbridge-test": c.test} {
			if text == nil {
				continue
			}
			if err := os.Mkdir(filepath.Join(build, folder), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(build, folder, "bootstrap"), text, c.mode); err != nil {
				t.Fatal(err)
			}
		}
		code, err := FindCode(build, true)
		if err == nil && *code.Architecture.Name() != c.want || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %+v, %v, want %s", name, code, err, c.want)
		}
	}
}

func TestWarnings(t *testing.T) {
	if w := (Config{Environment: "dev"}).Warnings(); len(w) != 1 || !strings.Contains(w[0], "alarmEmail") || !strings.Contains(w[0], "eventrouter-alarms-dev") {
		t.Errorf("without an address: %q", w)
	}
	if w := (Config{AlarmEmail: "ops@example.com"}).Warnings(); len(w) != 0 {
		t.Errorf("with an address: %q", w)
	}
}

// TestBufferConcurrency: what reads the buffer never exceeds what the function has.
func TestBufferConcurrency(t *testing.T) {
	for _, c := range []struct {
		values map[string]any
		want   int
		wrong  string
	}{
		{map[string]any{}, 0, ""},
		{map[string]any{"inputBuffer": "sqs"}, 100, ""},
		{map[string]any{"inputBuffer": "drain"}, 100, ""},
		{map[string]any{"inputBuffer": "sqs", "reservedConcurrency": "50"}, 50, ""},
		{map[string]any{"inputBuffer": "sqs", "reservedConcurrency": "5000"}, 1000, ""},
		{map[string]any{"inputBuffer": "sqs", "bufferConcurrency": "20", "reservedConcurrency": "50"}, 20, ""},
		{map[string]any{"inputBuffer": "sqs", "bufferConcurrency": "60", "reservedConcurrency": "50"}, 0, "context key bufferConcurrency: 60 is more than reservedConcurrency"},
		{map[string]any{"inputBuffer": "sqs", "bufferConcurrency": "1"}, 0, "context key bufferConcurrency: 1 must be a whole number from 2 to 1000"},
		{map[string]any{"inputBuffer": "sqs", "reservedConcurrency": "1"}, 0, "context key reservedConcurrency: 1 is less than the 2"},
		{map[string]any{"bufferConcurrency": "20"}, 0, "context key bufferConcurrency: there is no buffer"},
	} {
		got, err := ReadConfig(c.values)
		if c.wrong == "" && (err != nil || got.BufferConcurrency != c.want) || c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
			t.Errorf("%v: got %d, %v; want %d, %q", c.values, got.BufferConcurrency, err, c.want, c.wrong)
		}
	}
}

// TestPublisherLimit: the policy of a bus has an upper length.
func TestPublisherLimit(t *testing.T) {
	accounts := func(n int) map[string]any {
		var list []any
		for i := range n {
			list = append(list, fmt.Sprintf("%012d", i))
		}
		return map[string]any{"publisherAccounts": list, "publisherOrganization": "o-a1b2c3d4e5", "inputBus": "dedicated"}
	}
	if _, err := ReadConfig(accounts(200)); err != nil {
		t.Error(err)
	}
	if _, err := ReadConfig(accounts(250)); err == nil || !strings.Contains(err.Error(), "context key publisherAccounts: 250 accounts") || !strings.Contains(err.Error(), "publisherOrganization") {
		t.Errorf("error %v", err)
	}
	// The estimate is not below what the template has.
	tt := mustSynth(accounts(200))
	c, _ := ReadConfig(accounts(200))
	n := len(`{"Version":"2012-10-17","Statement":[]}`)
	for _, p := range tt.of("AWS::Events::EventBusPolicy") {
		s := tt.rule(at(p, "Properties", "Statement").(map[string]any))
		n += len(strings.Join(s.principal, `","`))
	}
	if estimate := busPolicySize(c); estimate < n || len(tt.of("AWS::Events::EventBusPolicy")) != 2 {
		t.Errorf("estimate %d, principals alone take %d", estimate, n)
	}
}

// TestStackAndFunctionAgreeOnBuses: this module must not link package events, so
// it has a check of its own.
func TestStackAndFunctionAgreeOnBuses(t *testing.T) {
	for _, arn := range []string{
		"arn:aws:events:us-east-1:123456789012:event-bus/default", "arn:aws-cn:events:cn-north-1:123456789012:event-bus/a_b",
		"arn:aws-us-gov:events:us-gov-west-1:123456789012:event-bus/x.y_z-1", "", "arn", "arn:aws:events:us-east-1:123456789012:event-bus/",
		"arn:aws:events:us-east-1:123456789012:rule/x", "arn:aws:events::123456789012:event-bus/x", "arn:aws:events:us-east-1:1:event-bus/x",
		"arn:aws:events:us-east-1:123456789012:event-busv2/x", "arn:aws:sqs:us-east-1:123456789012:event-bus/x", "arn:AWS:events:us-east-1:123456789012:event-bus/x",
	} {
		_, theirs := events.ParseBusARN(arn)
		if ours := (OutputBus{ARN: arn}).check(); (ours == nil) != (theirs == nil) {
			t.Errorf("%q: stack says %v, function says %v", arn, ours, theirs)
		}
	}
}
