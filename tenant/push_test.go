package tenant_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/tenant"
)

func bucket(t *testing.T, files ...string) *blob.Memory {
	t.Helper()
	b := blob.NewMemory()
	for i := 0; i < len(files); i += 2 {
		if _, err := b.Put(t.Context(), files[i], []byte(files[i+1]), nil, blob.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// contents lists every object of a bucket with its text.
func contents(t *testing.T, b blob.Bucket) string {
	t.Helper()
	infos, err := b.List(t.Context(), "", "", 100)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, info := range infos {
		o, err := b.Get(t.Context(), info.Key, "")
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, info.Key+"="+string(o.Data))
	}
	return strings.Join(lines, "\n")
}

func planned(t *testing.T, from, to blob.Bucket, remove bool) (*tenant.PushPlan, string) {
	t.Helper()
	p, err := tenant.PlanPush(t.Context(), from, to, "dev/schemas", remove)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, s := range p.Steps {
		lines = append(lines, fmt.Sprintf("%s %s", s.Action, s.File))
	}
	return p, strings.Join(lines, "\n")
}

func TestPush(t *testing.T) {
	from := bucket(t,
		"acme/tenant.properties", "a=1", "acme/pet.json", "{}", "acme/order.json", `{"meta":{"backend":"s3"}}`, "acme/README.md", "not pushed",
		"acme/tests/one.json", "not pushed", "new/tenant.properties", "", "new/thing.json", "{}")
	to := bucket(t,
		"dev/schemas/acme/tenant.properties", "a=0", "dev/schemas/acme/pet.json", "{}", "dev/schemas/acme/order.json", "{}",
		"dev/schemas/acme/old.json", "{}", "dev/schemas/rival/tenant.properties", "theirs", "prod/schemas/acme/pet.json", "other")
	before := contents(t, to)
	p, plan := planned(t, from, to, false)
	const want = "replace acme/order.json\nadd new/thing.json\nreplace acme/tenant.properties\nadd new/tenant.properties\nkeep acme/old.json"
	if plan != want || p.Same != 1 || p.Changes() != 4 {
		t.Fatalf("plan:\n%s\n%d the same, %d changes; want\n%s", plan, p.Same, p.Changes(), want)
	}
	if note := p.Steps[0].Note; !strings.Contains(note, "from dynamodb by id to s3 by id") {
		t.Errorf("note: %q", note)
	}
	if contents(t, to) != before {
		t.Fatal("a plan wrote")
	}
	if err := p.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	const after = `dev/schemas/acme/old.json={}
dev/schemas/acme/order.json={"meta":{"backend":"s3"}}
dev/schemas/acme/pet.json={}
dev/schemas/acme/tenant.properties=a=1
dev/schemas/new/tenant.properties=
dev/schemas/new/thing.json={}
dev/schemas/rival/tenant.properties=theirs
prod/schemas/acme/pet.json=other`
	if got := contents(t, to); got != after {
		t.Errorf("the bucket holds\n%s\nwant\n%s", got, after)
	}
	if p, plan := planned(t, from, to, true); plan != "remove acme/old.json" || p.Apply(t.Context()) != nil {
		t.Errorf("second plan: %s", plan)
	}
	if _, plan := planned(t, from, to, true); plan != "" {
		t.Errorf("third plan: %s", plan)
	}
}

// TestPushMeetsARival: what somebody else has changed since the plan was made is
// not overwritten.
func TestPushMeetsARival(t *testing.T) {
	for _, c := range []struct{ there, change string }{{"", "add"}, {"1", "replace"}, {"1", "gone"}} {
		from, to := bucket(t, "acme/pet.json", "{}"), bucket(t)
		put := func(text string) {
			t.Helper()
			if _, err := to.Put(t.Context(), "dev/schemas/acme/pet.json", []byte(text), nil, blob.Condition{}); err != nil {
				t.Fatal(err)
			}
		}
		if c.there != "" {
			put(c.there)
		}
		p, _ := planned(t, from, to, false)
		if c.change == "gone" {
			if err := to.Delete(t.Context(), "dev/schemas/acme/pet.json", blob.Condition{}); err != nil {
				t.Fatal(err)
			}
		} else {
			put("theirs")
		}
		before := contents(t, to)
		if err := p.Apply(t.Context()); !fault.Is(err, fault.Precondition) || contents(t, to) != before {
			t.Errorf("%s: %v, the bucket holds %s", c.change, err, contents(t, to))
		}
	}
}
