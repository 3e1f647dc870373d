// Package archtest tests the structure of the code: the layers and who may import
// whom, that every package has a comment, the size of packages and types, what is
// exported, and what the Lambda binary links. The layers are those of
// doc/design.md.
package archtest

import (
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/blockforger/eventrouter/"

// layer maps packages to layers; the longest prefix applies. A package imports
// lower layers only, or a package that sameLayer lists.
var layer = map[string]int{
	"fault": 0, "events": 0, "internal/blob": 0, "internal/names": 0, "internal/seal": 0, "internal/cache": 0, "internal/boltdb": 0, "internal/wal": 0, "internal/redact": 0, "internal/retry": 0, "internal/format": 0, "internal/powerfailure": 0, "internal/durable": 0, "internal/deadline": 0, "internal/loopback": 0, "internal/jsonobject": 0, "internal/jsonscan": 0, "internal/awshttp": 0,
	"tenant": 1, "internal/jsonerror": 1, "internal/commandline": 1, "apikey": 1, "store": 1, "projection": 1, "bus": 1, "events/pattern": 1, "events/typed": 1, "events/typed/dynamoclaims": 2, "events/typed/sqsqueue": 2, "events/aws": 2,
	"store/memstore": 2, "store/boltstore": 2, "store/dynamostore": 2, "projection/s3object": 2, "projection/csvfile": 2,
	"store/storetest": 2, "store/dynamostore/dynamotest": 2, "bus/eventbridgebus": 2, "internal/blob/s3blob": 2, "internal/blob/blobtest": 2,
	"internal/trace": 2, "internal/watch": 0, "internal/listen": 1, "internal/awstest": 2, "internal/typegen": 1, "internal/typegen/infer": 2, "internal/typegen/outputschema": 2, "internal/typegen/schemaregistry": 2, "internal/typegen/servicespec": 2, "internal/typegen/awsevents": 3, "internal/typegen/command": 4,
	"router": 3, "outbox": 3, "internal/admin": 3,
	"lambda": 4, "rest": 4, "local": 4, "lambda/eventlog": 4,
	"internal/app": 5, "internal/archtest": 5, "internal/deploylocal": 5, "internal/simulation": 6, "console": 5, "internal/mutation": 1, "internal/overlay": 0,
	"cmd/eventrouter": 6, "lambda/bootstrap": 6, "lambda/relay": 6, "lambda/eventlog/bootstrap": 6, "bench": 6, "examples": 6,
}

// sameLayer lists the imports that are allowed within a layer.
var sameLayer = map[string][]string{
	"events":                       {"fault", "internal/jsonscan"},
	"internal/blob":                {"fault"},
	"internal/seal":                {"fault", "internal/durable"},
	"internal/boltdb":              {"fault", "internal/durable", "internal/wal"},
	"internal/wal":                 {"fault", "internal/durable"},
	"internal/format":              {"fault"},
	"internal/jsonerror":           {"tenant/diag"},
	"internal/commandline":         {"tenant/diag"},
	"tenant":                       {"internal/jsonerror"},
	"tenant/properties":            {"tenant/diag"},
	"projection":                   {"store"},
	"store/storetest":              {"store/memstore", "projection/s3object", "projection/csvfile"},
	"internal/blob/blobtest":       {"internal/blob"},
	"lambda":                       {"lambda/eventlog", "rest"},
	"router":                       {"outbox"},
	"internal/typegen/servicespec": {"internal/typegen/infer"},
	"local/awsapi/cbor":            {"local/awsapi/awsjson"},
	"local/awsapi/query":           {"local/awsapi/awsjson"},
	"local/awsapi/restjson":        {"local/awsapi/awsjson"},
	"local/delivery":               {"local/awsapi/awsjson", "local/datafile", "local/logs", "local/metrics", "local/sqs"},
	"local/awsapi/policy":          {"local/awsapi/awsjson"},
	"local/eventbridge":            {"local/awsapi/awsjson", "local/awsapi/policy", "local/datafile", "local/delivery", "local/metrics", "local/schedule", "local/scheduler", "local/signal"},
	"local/functions":              {"local/awsapi/awsjson", "local/awsapi/policy", "local/awsapi/restjson", "local/datafile", "local/delivery", "local/logs", "local/program"},
	"local/logs":                   {"local/awsapi/awsjson", "local/datafile", "local/signal"},
	"local/metrics":                {"local/awsapi/awsjson", "local/awsapi/cbor"},
	"local/schemas":                {"local/awsapi/awsjson", "local/awsapi/restjson", "local/datafile"},
	"local/sts":                    {"local/awsapi/awsjson", "local/awsapi/query"},
	"local/scheduler":              {"local/awsapi/awsjson", "local/awsapi/restjson", "local/datafile", "local/schedule", "local/signal"},
	"local/sqs":                    {"local/awsapi/awsjson", "local/datafile", "local/signal"},
}

// forbidden lists imports that a package must not have although its layer would
// allow them. An entry that ends in a slash covers all packages below it.
var forbidden = map[string][]string{
	"events":         {"net/http", "github.com/aws/"},
	"events/typed":   {"net/http", "github.com/aws/"},
	"events/pattern": {"net/http", "github.com/aws/"},
	"tenant":         {"net/http", "github.com/aws/"},
	"apikey":         {"net/http", "github.com/aws/", module + "tenant"},
	"store":          {"net/http", "github.com/aws/", module + "tenant", module + "store/"},
	"bus":            {"net/http", "github.com/aws/"},
	"rest":           {"github.com/aws/", module + "lambda", module + "store/"},
	"router":         {"net/http", "github.com/aws/", module + "store/", module + "bus", module + "bus/", module + "internal/blob/"},
	"outbox":         {"net/http", "github.com/aws/", module + "tenant", module + "apikey", module + "store/", module + "bus/"},
	"lambda":         {"github.com/aws/aws-sdk-go-v2/", module + "store/", module + "projection/", module + "bus/", module + "internal/blob"},
	"internal/app":   {module + "local", module + "local/", module + "store/boltstore", module + "store/memstore", module + "internal/boltdb"},
	"local":          {module + "router", module + "lambda", module + "store", module + "tenant"},
	"internal/names": {"github.com/", "golang.org/"},
}

type pkg struct {
	ImportPath, Dir string
	Imports         []string
	GoFiles         []string
	Standard        bool
	Module          *struct{ Path string }
}

func (p pkg) name() string { return strings.TrimPrefix(p.ImportPath, module) }

// list runs go list in the root of the module.
func list(t *testing.T, args ...string) []pkg {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Dir,Imports,GoFiles,Standard,Module"}, args...)...)
	cmd.Dir = filepath.Join("..", "..")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd, err)
	}
	var pkgs []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

// layerOf returns the layer of the longest prefix of a package's name.
func layerOf(name string) (int, bool) {
	for n := name; n != "." && n != ""; n = filepath.Dir(n) {
		if f, ok := layer[n]; ok {
			return f, true
		}
	}
	return 0, false
}

func TestLayers(t *testing.T) {
	for _, p := range list(t, "./...") {
		from, known := layerOf(p.name())
		if !known {
			t.Errorf("%s has no layer: add it to the table here and in doc/design.md", p.name())
			continue
		}
		for _, imported := range p.Imports {
			for _, bad := range forbidden[p.name()] {
				if imported == bad || strings.HasSuffix(bad, "/") && strings.HasPrefix(imported, bad) {
					t.Errorf("%s must not import %s", p.name(), imported)
				}
			}
			name, ours := strings.CutPrefix(imported, module)
			if !ours {
				continue
			}
			to, _ := layerOf(name)
			inside := strings.HasPrefix(p.name(), name+"/") || strings.HasPrefix(name, p.name()+"/")
			if to >= from && !inside && !slices.Contains(sameLayer[p.name()], name) {
				t.Errorf("%s (layer %d) imports %s (layer %d)", p.name(), from, name, to)
			}
		}
	}
}

func TestPackageComments(t *testing.T) {
	for _, p := range list(t, "./...") {
		documented := len(p.GoFiles) == 0
		for _, file := range p.GoFiles {
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, file), nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			documented = documented || f.Doc != nil && len(f.Doc.Text()) > 40
		}
		if !documented {
			t.Errorf("%s has no package comment", p.name())
		}
	}
}

// Packages that only the command line, the local runtime or the stack needs must
// not make the function's cold start slower.
func TestLambdaDependencies(t *testing.T) {
	unwanted := []string{
		module + "local", module + "internal/admin", module + "internal/boltdb", module + "internal/seal", module + "store/boltstore",
		module + "store/memstore", module + "internal/typegen", "go.etcd.io/bbolt", "github.com/alecthomas/kong",
		"github.com/aws/aws-sdk-go-v2/config", "github.com/aws/aws-sdk-go-v2/service/schemas", "github.com/aws/aws-sdk-go-v2/service/sqs",
		"github.com/aws/aws-cdk-go", "github.com/aws/jsii-runtime-go", "net/rpc", "golang.org/x/term", "testing",
		"github.com/santhosh-tekuri/jsonschema/v6", "github.com/fsnotify/fsnotify", module + "internal/trace", module + "internal/watch",
	}
	for _, main := range []string{"./lambda/bootstrap", "./lambda/relay", "./lambda/eventlog/bootstrap"} {
		for _, p := range list(t, "-deps", "-tags", "lambda.norpc", main) {
			for _, bad := range unwanted {
				if p.ImportPath == bad || strings.HasPrefix(p.ImportPath, bad+"/") {
					t.Errorf("%s links %s", main, p.ImportPath)
				}
			}
		}
	}
}

// The test function needs no package of the router.
func TestTestFunctionDependencies(t *testing.T) {
	for _, p := range list(t, "-deps", "-tags", "lambda.norpc", "./lambda/eventlog/bootstrap") {
		if name, ours := strings.CutPrefix(p.ImportPath, module); ours && !strings.HasPrefix(name, "lambda/") && name != "internal/redact" {
			t.Errorf("lambda/eventlog/bootstrap links %s", name)
		}
	}
}
