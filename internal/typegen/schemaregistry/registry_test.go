package schemaregistry_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/schemas"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/typegen/schemaregistry"
	"github.com/blockforger/eventrouter/internal/typegen/schemaregistry/registrytest"
)

// newRegistry is the real client against a server on this machine, which waits
// little between its attempts.
func newRegistry(t *testing.T, server *registrytest.Server, name string) *schemaregistry.Registry {
	t.Helper()
	url := httptest.NewServer(server)
	t.Cleanup(url.Close)
	client := schemas.New(schemas.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(url.URL),
		Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", ""),
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts, o.MaxBackoff = 8, time.Millisecond
			o.RateLimiter = noLimit{}
		}),
	})
	return schemaregistry.New(client, name)
}

type noLimit struct{}

func (noLimit) GetToken(context.Context, uint) (func() error, error) {
	return func() error { return nil }, nil
}
func (noLimit) AddTokens(uint) error { return nil }

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		name, prefix string
		want         bool
	}{
		{"aws.ec2@A", "aws.ec2", true}, {"aws.ec2fleet@A", "aws.ec2", false}, {"aws.ec2-fleet@A", "aws.ec2", false},
		{"aws.ec2@A", "aws.ec2@", true}, {"aws.ec2@Abc", "aws.ec2@A", true}, {"aws.ec2", "aws.ec2", true},
		{"aws.partner/mongodb.com/1@T", "aws.partner/mongodb.com", true}, {"aws.partner-x@T", "aws.partner-", true},
		{"order@New", "ord", false}, {"x", "", true},
	} {
		if got := schemaregistry.Matches(c.name, c.prefix); got != c.want {
			t.Errorf("%q for the prefix %q: %v", c.name, c.prefix, got)
		}
	}
}

// TestRealNames asks for each service of a region's registry, over pages, and
// must find each schema once.
func TestRealNames(t *testing.T) {
	list, err := os.ReadFile("testdata/names-us-east-1.txt")
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Fields(string(list))
	server := registrytest.New()
	services := make(map[string]bool)
	for _, name := range names {
		server.Put("aws.events", name, "{}")
		services[name[:strings.IndexByte(name, '@')]] = true
	}
	r := newRegistry(t, server, "aws.events")
	var found []string
	for service := range services {
		some, err := r.Names(t.Context(), service)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, some...)
	}
	slices.Sort(found)
	slices.Sort(names)
	if !slices.Equal(found, names) {
		t.Errorf("%d schemas found by service, the registry has %d", len(found), len(names))
	}
}

func TestNewestVersionIsTheHighestNumber(t *testing.T) {
	server := registrytest.New()
	for i := range 11 {
		server.Put("mine", "a@B", fmt.Sprintf(`{"version":%d}`, i+1))
	}
	d, err := newRegistry(t, server, "mine").Document(t.Context(), "a@B")
	if err != nil || d.Version != "11" || string(d.Content) != `{"version":11}` {
		t.Errorf("%s %s, %v", d.Version, d.Content, err)
	}
}

func TestThrottlingIsWaitedOut(t *testing.T) {
	server := registrytest.New()
	server.Put("mine", "a@B", "{}")
	server.FailNext(6, http.StatusTooManyRequests, "TooManyRequestsException")
	r := newRegistry(t, server, "mine")
	if names, err := r.Names(t.Context(), "a"); err != nil || len(names) != 1 {
		t.Errorf("%q, %v", names, err)
	}
	server.FailNext(100, http.StatusTooManyRequests, "TooManyRequestsException")
	_, err := r.Names(t.Context(), "a")
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "still throttled") {
		t.Errorf("endless throttling: %v", err)
	}
}

func TestFaultsSayWhoMustAct(t *testing.T) {
	for _, c := range []struct {
		status int
		name   string
		code   fault.Code
		says   string
	}{
		{http.StatusForbidden, "ForbiddenException", fault.Denied, "schemas:ListSchemas"},
		{http.StatusUnauthorized, "UnauthorizedException", fault.Denied, "schemas:ListSchemas"},
		{http.StatusForbidden, "ExpiredTokenException", fault.Denied, "schemas:ListSchemas"},
		{http.StatusNotFound, "NotFoundException", fault.NotFound, "registry mine"},
		{http.StatusBadRequest, "BadRequestException", fault.Invalid, "refuses"},
		{http.StatusInternalServerError, "InternalServerErrorException", fault.Unavailable, "failed"},
		{http.StatusServiceUnavailable, "ServiceUnavailableException", fault.Unavailable, "failed"},
	} {
		server := registrytest.New()
		server.FailNext(100, c.status, c.name)
		_, err := newRegistry(t, server, "mine").Names(t.Context(), "a")
		if fault.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v; want %v, saying %q", c.name, err, c.code, c.says)
		}
	}
}

func TestServerOutOfReach(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	client, err := schemaregistry.NewClient(t.Context(), schemaregistry.Options{Region: "us-east-1", EndpointURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := schemaregistry.New(client, "mine").Names(ctx, "a"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v, want Unavailable", err)
	}
}

func TestPublish(t *testing.T) {
	server := registrytest.New()
	server.Put("mine", "other@X", "{}")
	r := newRegistry(t, server, "mine")
	const first, same, second = `{"a":1,"b":2}`, `{ "b": 2, "a": 1 }`, `{"a":2}`
	for _, step := range []struct {
		content string
		want    schemaregistry.Outcome
		version string
	}{
		{first, schemaregistry.Created, "1"}, {same, schemaregistry.Unchanged, "1"}, {second, schemaregistry.Updated, "2"},
	} {
		d := schemaregistry.Document{Name: "out@pet.POST", Content: []byte(step.content)}
		if planned, err := r.Compare(t.Context(), d); err != nil || planned != step.want {
			t.Errorf("%s: planned %v, %v; want %v", step.content, planned, err, step.want)
		}
		if outcome, err := r.Publish(t.Context(), d); err != nil || outcome != step.want {
			t.Errorf("%s: %v, %v; want %v", step.content, outcome, err, step.want)
		}
		found, err := r.Document(t.Context(), d.Name)
		if err != nil || found.Version != step.version {
			t.Errorf("%s: version %s, %v; want %s", step.content, found.Version, err, step.version)
		}
	}
	_, err := newRegistry(t, server, "gone").Publish(t.Context(), schemaregistry.Document{Name: "a@B", Content: []byte("{}")})
	if !fault.Is(err, fault.NotFound) || !strings.Contains(err.Error(), "create-registry") {
		t.Errorf("registry that is not there: %v", err)
	}
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	for file, text := range map[string]string{
		"a@B.JSONSchemaDraft4.json": "draft4", "a@B.json": "openapi", "c@D.JSONSchemaDraft4.json": "draft4",
		"p__q@R.json": "slash", "y@Z.yaml": "yaml", ".hidden.json": "", "notes.txt": "",
	} {
		if err := os.WriteFile(dir+"/"+file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f, err := schemaregistry.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	names, _ := f.Names(t.Context(), "")
	if want := []string{"a@B", "c@D", "p/q@R", "y@Z"}; !slices.Equal(names, want) {
		t.Errorf("names %q, want %q", names, want)
	}
	for name, want := range map[string]string{"a@B": "openapi", "c@D": "draft4", "p/q@R": "slash"} {
		if d, err := f.Document(t.Context(), name); err != nil || string(d.Content) != want {
			t.Errorf("%s: %s, %v; want %s", name, d.Content, err, want)
		}
	}
	if _, err := f.Document(t.Context(), "../etc"); !fault.Is(err, fault.NotFound) {
		t.Errorf("unlisted: %v", err)
	}
	if _, err := schemaregistry.OpenFolder(dir + "/none"); !fault.Is(err, fault.Invalid) {
		t.Errorf("no folder: %v", err)
	}
}
