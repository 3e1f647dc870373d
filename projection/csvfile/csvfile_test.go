package csvfile_test

import (
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/awstest"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/internal/blob/s3blob"
	"github.com/blockforger/eventrouter/projection"
	"github.com/blockforger/eventrouter/projection/csvfile"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/store/boltstore"
	"github.com/blockforger/eventrouter/store/memstore"
	"github.com/blockforger/eventrouter/store/storetest"
)

func memory(_ testing.TB, e storetest.Env) store.Driver {
	return memstore.New(&memstore.Options{Clock: e.Clock, Fault: e.Fault})
}

func bolt(t testing.TB, e storetest.Env) store.Driver {
	d, err := boltstore.Open(filepath.Join(t.TempDir(), "ledger.db"), &boltstore.Options{Clock: e.Clock, Fault: e.Fault})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func dir(t testing.TB) blob.Bucket {
	d, err := blob.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func gofakes3(t testing.TB) blob.Bucket {
	client := s3.NewFromConfig(awstest.Config(awstest.S3(t)))
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("records")}); err != nil {
		t.Fatal(err)
	}
	b, err := s3blob.New(client, "records", "test/")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestProjection(t *testing.T) {
	for _, c := range []struct {
		name   string
		ledger func(testing.TB, storetest.Env) store.Driver
		bucket func(testing.TB) blob.Bucket
	}{
		{"memstore and Dir", memory, dir},
		{"boltstore and Dir", bolt, dir},
		{"memstore and gofakes3", memory, gofakes3},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := storetest.CSV()
			h.Ledger, h.Bucket = c.ledger, c.bucket
			storetest.RunProjection(t, h)
		})
	}
}

var (
	pets   = store.Collection{Tenant: "acme", Schema: "pet"}
	layout = projection.Layout{Backend: events.CSV, KeyField: "id", Columns: []string{"id", "name", "tag", "n"}}
	at     = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
)

const header = "id,name,tag,n,_null,_more,_version\r\n"

func head(key, data string) store.Record {
	h := store.Record{Ref: store.Ref{Collection: pets, Key: events.RecordKey(key)}, Backend: events.CSV, Revision: 7, Version: "s", Time: at.Add(-time.Hour)}
	if data == "" {
		h.Deleted = true
	} else {
		h.Data = jsontext.Value(data)
	}
	return h
}

// project writes heads into the file of a bucket and answers the file.
func project(t testing.TB, b blob.Bucket, l projection.Layout, heads ...store.Record) string {
	t.Helper()
	v := open(t, b, l)
	if _, err := v.Write(t.Context(), heads, 0); err != nil {
		t.Fatal(err)
	}
	return content(t, b)
}

func open(t testing.TB, b blob.Bucket, l projection.Layout) projection.Snapshot {
	t.Helper()
	v, err := csvfile.New(b).Open(t.Context(), pets, l, nil)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func content(t testing.TB, b blob.Bucket) string {
	t.Helper()
	o, err := b.Get(t.Context(), "data/acme/pet.csv", "")
	if err != nil {
		t.Fatal(err)
	}
	return string(o.Data)
}

func put(t testing.TB, b blob.Bucket, text string) {
	t.Helper()
	if _, err := b.Put(t.Context(), "data/acme/pet.csv", []byte(text), nil, blob.Condition{}); err != nil {
		t.Fatal(err)
	}
}

// The file as a person sees it, cell by cell.
func TestFormat(t *testing.T) {
	for _, c := range []struct{ record, row string }{
		{`{"id":"a","name":"Rex"}`, `a,Rex,,,,,1.vs`},
		{`{"id":"a","n":12345678901234567890.10}`, `a,,,12345678901234567890.10,,,1.vs`},
		{`{"id":"a","n":-5}`, `a,,,-5,,,1.vs`},
		{`{"id":"a","n":true,"name":"TRUE"}`, `a,'TRUE,,true,,,1.vs`},
		{`{"id":"a","name":"42","tag":"0042"}`, `a,'42,0042,,,,1.vs`},
		{`{"id":"a","name":""}`, `a,',,,,,1.vs`},
		{`{"id":"a","name":null,"tag":null}`, `a,,,,"[""name"",""tag""]",,1.vs`},
		{`{"id":"a","tag":{"x":[1,"b"]}}`, `a,,"{""x"":[1,""b""]}",,,,1.vs`},
		{`{"id":"a","tag":"{\"x\":1}"}`, `a,,"'{""x"":1}",,,,1.vs`},
		{`{"id":"a","z":1,"other":{"b":null},"m":null}`, `a,,,,,"{""m"":null,""other"":{""b"":null},""z"":1}",1.vs`},
		{`{"id":"a","name":"=1+1","tag":"+4"}`, `a,'=1+1,'+4,,,,1.vs`},
		{`{"id":"a","name":"-x","tag":"@x"}`, `a,'-x,'@x,,,,1.vs`},
		{`{"id":"a","name":"'x","tag":"\tx"}`, "a,''x,'\tx,,,,1.vs"},
		{`{"id":"a","name":"\nx","tag":"\rx"}`, "a,\"'\nx\",\"'\rx\",,,,1.vs"},
		{`{"id":"a","name":"a, \"b\"\r\nc"}`, "a,\"a, \"\"b\"\"\r\nc\",,,,,1.vs"},
		{`{"id":"a","name":" x "}`, `a," x ",,,,,1.vs`},
		{`{"id":"a","name":"null","tag":"[]"}`, `a,'null,'[],,,,1.vs`},
		{`{"id":"42"}`, `42,,,,,,1.vs`},
		{`{"id":"=1"}`, `'=1,,,,,,1.vs`},
		{`{"id":"a","_more":1,"_null":2,"_version":5,"_written":3,"":4}`, `a,,,,,"{"""":4,""_more"":1,""_null"":2,""_version"":5,""_written"":3}",1.vs`},
	} {
		b := blob.NewMemory()
		var k struct{ ID string }
		if err := json.Unmarshal([]byte(c.record), &k); err != nil {
			t.Fatal(err)
		}
		if got, want := project(t, b, layout, head(k.ID, c.record)), header+c.row+"\r\n"; got != want {
			t.Errorf("%s: got\n%q, want\n%q", c.record, got, want)
		}
		if shown := open(t, b, layout).Observed(events.RecordKey(k.ID)); shown.Err != nil || !store.Equal(shown.Data, jsontext.Value(c.record)) {
			t.Errorf("%s: read back as %s, %v", c.record, shown.Data, shown.Err)
		}
	}
}

func TestIntegerKeys(t *testing.T) {
	l := layout
	l.IntegerKey = true
	b := blob.NewMemory()
	if got, want := project(t, b, l, head("-7", `{"id":-7,"name":"x"}`)), header+"-7,x,,,,,1.vs\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if shown := open(t, b, l).Observed("-7"); !store.Equal(shown.Data, jsontext.Value(`{"id":-7,"name":"x"}`)) {
		t.Errorf("read back as %s, %v", shown.Data, shown.Err)
	}
}

// What people and their programs make of a file.
func TestReadsWhatPeopleWrite(t *testing.T) {
	for name, text := range map[string]string{
		"as it is":          "id,name,tag,n\r\n7,Rex,,1.50\r\n",
		"line feeds":        "id,name,tag,n\n7,Rex,,1.50\n",
		"no break at end":   "id,name,tag,n\n7,Rex,,1.50",
		"byte order mark":   "\xef\xbb\xbfid,name,tag,n\r\n7,Rex,,1.50\r\n",
		"blank lines":       "\r\n\nid,name,tag,n\n\n7,Rex,,1.50\n\n\n",
		"cleared rows":      "id,name,tag,n\n,,,\n7,Rex,,1.50\n,,,\n",
		"all in quotes":     "\"id\",\"name\",\"tag\",\"n\"\n\"7\",\"Rex\",\"\",\"1.50\"\n",
		"columns moved":     "n,tag,name,id\n1.50,,Rex,7\n",
		"columns left out":  "id,name,n\n7,Rex,1.50\n",
		"trailing commas":   "id,name,n\n7,Rex,1.50,,,\n",
		"with our own ones": header + "7,Rex,,1.50,,,\r\n",
	} {
		b := blob.NewMemory()
		put(t, b, text)
		shown := open(t, b, layout).Observed("7")
		if shown.Err != nil || shown.Managed || !store.Equal(shown.Data, jsontext.Value(`{"id":"7","name":"Rex","n":1.5}`)) {
			t.Errorf("%s: read %s, %v", name, shown.Data, shown.Err)
		}
		project(t, b, layout, head("8", `{"id":"8"}`))
		if shown := open(t, b, layout).Observed("7"); shown.Err != nil || !store.Equal(shown.Data, jsontext.Value(`{"id":"7","name":"Rex","n":1.5}`)) {
			t.Errorf("%s: after a write: %s, %v", name, shown.Data, shown.Err)
		}
	}
}

// Each bad input is refused with its place; the row good is served where it can
// be told apart, and the file is not written over.
func TestRefuses(t *testing.T) {
	const good = "good,Rex,,1,,,1.vs\r\n"
	for _, c := range []struct {
		name, text, where string
		served            bool
	}{
		{"empty file", "", "empty", false},
		{"no key column", "name,tag\r\nx,y\r\n", "line 1, column 1: there is no column for the key, \"id\"", false},
		{"semicolons", "id;name\r\ngood;x\r\n", "separated by commas", false},
		{"column twice", "id,name,name\r\ngood,x,y\r\n", `line 1, column 9: the column "name" stands twice`, false},
		{"column without name", "id,,name\r\ngood,x,y\r\n", "line 1, column 4: column 2 has no name", false},
		{"key twice", header + good + "bad,1,,,,,\r\nbad,2,,,,,\r\n", "line 4, column 1: the key stands on line 3 too", true},
		{"too few cells", header + good + "bad,x\r\n", "line 3, column 1: the row has 2 cells, its header 7", true},
		{"too many cells", header + good + "bad,x,,,,,,y\r\n", "line 3, column 1: the row has 8 cells, its header 7", true},
		{"quote never closed", header + good + "bad,\"x,,,,,\r\n", "line 3, column 5: a quote that is never closed", true},
		{"quote within", header + good + "bad,x\"y,,,,,\r\n", "line 3, column 6", true},
		{"behind a quote", header + good + "bad,\"x\"y,,,,,\r\n", "line 3, column 8", true},
		{"lone carriage return", header + good + "bad,x\ry,,,,,\r\n", "line 3, column 6: a carriage return", true},
		{"no key", header + good + ",x,,,,,\r\n", "line 3, column 1: key is empty", true},
		{"null names no column", header + good + "bad,,,,\"[\"\"zz\"\"]\",,\r\n", `line 3, column 8: column "_null" names "zz"`, true},
		{"null names a full cell", header + good + "bad,x,,,\"[\"\"name\"\"]\",,\r\n", "whose cell is not empty", true},
		{"null is no list", header + good + "bad,,,,name,,\r\n", `column "_null" must be`, true},
		{"more is no object", header + good + "bad,,,,,[1],\r\n", `line 3, column 9: column "_more" must be`, true},
		{"more has a column", header + good + "bad,,,,,\"{\"\"name\"\":1}\",\r\n", `has "name", which has a column`, true},
		{"more repeats", header + good + "bad,,,,,\"{\"\"z\"\":1,\"\"z\"\":2}\",\r\n", `column "_more" must be`, true},
		{"version twice", "id,_version,_version\r\ngood,,\r\n", `line 1, column 13: the column _version stands twice`, false},
		{"not UTF-8", header + good + "bad,\xff,,,,,\r\n", `line 3, column 5: column "name" the text is not valid UTF-8`, true},
	} {
		b := blob.NewMemory()
		put(t, b, c.text)
		v := open(t, b, layout)
		bad := v.Observed("bad")
		if bad.Err == nil || !strings.Contains(bad.Err.Error(), c.where) || !strings.Contains(bad.Err.Error(), "data/acme/pet.csv") {
			t.Errorf("%s: %v, want %q", c.name, bad.Err, c.where)
		}
		if shown := v.Observed("good"); (shown.Err == nil && shown.Data != nil) != c.served {
			t.Errorf("%s: the other row: %s, %v", c.name, shown.Data, shown.Err)
		}
		if _, err := v.Write(t.Context(), []store.Record{head("new", `{"id":"new"}`)}, 0); err == nil {
			t.Errorf("%s: the file was written over", c.name)
		}
		if got := content(t, b); got != c.text {
			t.Errorf("%s: the file is now %q", c.name, got)
		}
	}
}

func TestColumnsGrow(t *testing.T) {
	b := blob.NewMemory()
	project(t, b, layout, head("1", `{"id":"1","n":1,"color":"red","x":[1]}`), head("2", `{"id":"2","tag":null}`))
	l := layout
	l.Columns = []string{"id", "color", "name", "n"} // tag has left the schema
	got := project(t, b, l, head("3", `{"id":"3","color":null,"tag":"t"}`))
	want := "id,color,name,n,tag,_null,_more,_version\r\n" +
		"1,red,,1,,,\"{\"\"x\"\":[1]}\",2.vs\r\n" +
		"2,,,,,\"[\"\"tag\"\"]\",,2.vs\r\n" +
		"3,,,,t,\"[\"\"color\"\"]\",,2.vs\r\n"
	if got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
}

func TestOwnColumnsComeBack(t *testing.T) {
	for _, left := range []string{"_null", "_more"} {
		b := blob.NewMemory()
		text := project(t, b, layout, head("1", `{"id":"1"}`))
		put(t, b, strings.Replace(strings.Replace(text, ","+left, "", 1), ",,,,,,", ",,,,,", 1))
		project(t, b, layout, head("2", `{"id":"2","tag":null,"other":1}`))
		if shown := open(t, b, layout).Observed("2"); !store.Equal(shown.Data, jsontext.Value(`{"id":"2","tag":null,"other":1}`)) {
			t.Errorf("without %s: %s, %v", left, shown.Data, shown.Err)
		}
	}
}

func TestWriteFoldsAndLeavesTheRest(t *testing.T) {
	b := blob.NewMemory()
	put(t, b, "id,n,name,tag\n1,\"1\",Rex,\n2,2,,\n3,3,,\n")
	project(t, b, layout) // a person's file becomes ours
	got := project(t, b, layout, head("2", `{"id":"2","n":5}`), head("3", ""), head("4", `{"id":"4"}`), head("5", ""))
	want := header + "1,Rex,,1,,,\r\n2,,,5,,,2.vs\r\n4,,,,,,2.vs\r\n"
	if got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
	// Nothing to change is nothing to write.
	before, _ := b.Get(t.Context(), "data/acme/pet.csv", "")
	project(t, b, layout, head("2", `{"id":"2","n":5}`), head("3", ""))
	if after, _ := b.Get(t.Context(), "data/acme/pet.csv", ""); after.ETag != before.ETag {
		t.Error("the file was written though it showed all")
	}
}

func TestTooLarge(t *testing.T) {
	b := blob.NewMemory()
	v := open(t, b, layout)
	var heads []store.Record
	row := strings.Repeat("x", 400_000)
	for i := range csvfile.MaxFile/len(row) - 1 {
		heads = append(heads, head(fmt.Sprint(i), fmt.Sprintf(`{"id":"%d","name":%q}`, i, row)))
	}
	if _, err := v.Write(t.Context(), heads, 0); err != nil {
		t.Fatal(err)
	}
	v = open(t, b, layout)
	var fit int
	for ; fit < 5; fit++ {
		h := head("new", fmt.Sprintf(`{"id":"new","name":%q}`, strings.Repeat(row, fit+1)))
		if err := v.Fits(h); err != nil {
			if !strings.Contains(err.Error(), "use dynamodb or s3") {
				t.Error(err)
			}
			break
		}
	}
	if fit < 1 || fit > 2 {
		t.Errorf("%d rows of %d bytes fit", fit, len(row))
	}
	if err := v.Fits(head("1", `{"id":"1","name":"`+row+`"}`)); err != nil {
		t.Errorf("a row that does not grow: %v", err)
	}
	if err := v.Fits(head("1", "")); err != nil {
		t.Errorf("a row that goes: %v", err)
	}
}

func FuzzRoundTrip(f *testing.F) {
	for _, seed := range []string{
		`{"name":"Rex","n":1.50}`, `{"name":null,"z":null,"tag":""}`, `{"name":"'","tag":"TRUE","n":"\r\n"}`,
		`{"n":1e5,"name":"1e5","":{"":[]}}`, `{"tag":" \"x\" ","_more":{"_more":1}}`, `{"name":"\ufeffx","tag":"{}"}`,
	} {
		f.Add(seed, "key")
	}
	f.Add(`{}`, "=1")
	f.Add(`{}`, "\ufeff")
	f.Fuzz(func(t *testing.T, text, key string) {
		k, err := events.ParseRecordKey(key)
		if err != nil || events.Check("record", []byte(text)) != nil || jsontext.Value(text).Kind() != '{' {
			t.Skip()
		}
		rest := strings.TrimPrefix(strings.TrimSpace(text), "{")
		comma := ","
		if strings.TrimSpace(rest) == "}" {
			comma = ""
		}
		record := `{"id":` + string(k.Value(false)) + comma + rest
		if events.Check("record", []byte(record)) != nil {
			t.Skip() // it has an id of its own
		}
		b := blob.NewMemory()
		if k == "a" {
			t.Skip()
		}
		project(t, b, layout, head("a", `{"id":"a","name":"stays"}`), head(key, record))
		if shown := open(t, b, layout).Observed("a"); !store.Equal(shown.Data, jsontext.Value(`{"id":"a","name":"stays"}`)) {
			t.Errorf("the row before is %s, %v", shown.Data, shown.Err)
		}
		shown := open(t, b, layout).Observed(k)
		if shown.Err != nil || !store.Equal(shown.Data, jsontext.Value(record)) {
			t.Errorf("%s came back as %s, %v", record, shown.Data, shown.Err)
		}
		// A spreadsheet's reader sees the same cells.
		rows, err := csv.NewReader(strings.NewReader(content(t, b))).ReadAll()
		if err != nil || len(rows) < 2 {
			t.Errorf("another reader says %v", err)
		}
	})
}

// FuzzRead: no file makes us panic, and what was read is read again after a write.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{header + "1,a,b,1,,,\r\n", "id\n1\n2", "id,name\n\"1\",\"x\"\"y\"\n", "id,_null\n1,[]\n", "\xef\xbb\xbfid", "id,_written x\n1,\n", "id,_version\n1,3.\n2,99999999999999999999.1\n3,\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		b := blob.NewMemory()
		put(t, b, text)
		v := open(t, b, layout)
		keys, _ := v.ExternallyEdited()
		before := map[events.RecordKey]jsontext.Value{}
		for _, k := range keys {
			if shown := v.Observed(k); shown.Err == nil {
				before[k] = shown.Data
			}
		}
		if _, err := v.Write(t.Context(), []store.Record{head("new key", `{"id":"new key"}`)}, 0); err != nil {
			return
		}
		v = open(t, b, layout)
		for k, data := range before {
			if shown := v.Observed(k); k != "new key" && (shown.Err != nil || !store.Equal(shown.Data, data)) {
				t.Errorf("%q: %s became %s, %v", k, data, shown.Data, shown.Err)
			}
		}
	})
}

// BenchmarkChange is one change of one record: the file is read, one row
// replaced, the file written. It must grow with the file, no faster.
func BenchmarkChange(b *testing.B) {
	for _, megabytes := range []int{1, 10, 49} {
		b.Run(fmt.Sprintf("%dMB", megabytes), func(b *testing.B) {
			bucket := dir(b)
			var heads []store.Record
			for i := range megabytes << 20 / 128 {
				k := fmt.Sprintf("pet-%08d", i)
				heads = append(heads, head(k, fmt.Sprintf(`{"id":%q,"name":"Rex of Example","tag":"a, b","n":%d.25,"more":{"owner":"someone","weight":12}}`, k, i)))
			}
			project(b, bucket, layout, heads...)
			b.SetBytes(int64(len(content(b, bucket))))
			for i := 0; b.Loop(); i++ {
				k := fmt.Sprintf("pet-%08d", i%len(heads))
				project(b, bucket, layout, head(k, fmt.Sprintf(`{"id":%q,"n":%d}`, k, -i)))
			}
		})
	}
}

// A ledger with a file that follows it, for what only a shared file can meet.
type ledger struct {
	*projection.Store
	t      *testing.T
	bucket blob.Bucket
	now    time.Time
	n      int

	versions map[string]string // by key and revision, such as a.v2
}

// recorder is a ledger that records the version of each revision.
type recorder struct {
	store.Driver
	versions map[string]string
}

func (r recorder) Commit(ctx context.Context, c *store.Change) (store.Result, error) {
	result, err := r.Driver.Commit(ctx, c)
	if err == nil && c.Record != nil && !result.Replayed {
		r.versions[fmt.Sprintf("%s.v%d", c.Record.Key, c.Record.Revision)] = c.Record.Version.Short()
	}
	return result, err
}

// content returns the file with the revision in place of each version, such as
// 3.v2 for the second version of a record.
func (l *ledger) content() string {
	l.t.Helper()
	text := content(l.t, l.bucket)
	for name, version := range l.versions {
		text = strings.ReplaceAll(text, version, name[strings.LastIndex(name, ".v")+2:])
	}
	return text
}

var rowVersion = regexp.MustCompile(`(?m)^([^,]*)(,.*,\d+\.v)(\d+)\r?$`)

// save is the inverse of content. A revision that the record never had becomes the
// version of another record.
func (l *ledger) save(text string) {
	l.t.Helper()
	put(l.t, l.bucket, rowVersion.ReplaceAllStringFunc(text, func(row string) string {
		m := rowVersion.FindStringSubmatch(row)
		version, ok := l.versions[m[1]+".v"+m[3]]
		if !ok {
			version = fmt.Sprintf("%016x", m[3])[:16]
		}
		return m[1] + m[2] + version + "\r"
	}))
}

func newLedger(t *testing.T) *ledger {
	l := &ledger{t: t, bucket: &heldBucket{Bucket: blob.NewMemory()}, now: at, versions: map[string]string{}}
	tell := func() time.Time { return l.now }
	records := store.New(recorder{memstore.New(&memstore.Options{Clock: tell}), l.versions}, &store.Options{Clock: tell})
	l.Store = projection.New(records, &projection.Options{
		ByBackend: map[events.Backend]projection.Projection{events.CSV: csvfile.New(l.bucket)},
		Layout:    func(context.Context, store.Collection) (projection.Layout, error) { return layout, nil },
	})
	return l
}

// commit writes a record, without showing it.
func (l *ledger) commit(key, data string) store.Ref {
	l.t.Helper()
	l.n++
	l.now = l.now.Add(time.Minute)
	r := store.Ref{Collection: pets, Key: events.RecordKey(key)}
	h, err := l.Get(l.t.Context(), r)
	if err != nil && !fault.Is(err, fault.NotFound) {
		l.t.Fatal(err)
	}
	document := jsontext.Value(data)
	if data == "" {
		document = nil
	}
	if _, err := l.Commit(l.t.Context(), store.Change{
		IfVersion: h.Version,
		Idempotency: store.IdempotencyRecord{
			Key:    store.IdempotencyKey{Tenant: "acme", Origin: store.OriginEventKey, Value: fmt.Sprint(l.n)},
			Result: store.Result{Ref: r, Operation: events.Put},
		},
		Record: &store.Record{Ref: r, Backend: events.CSV, KeyField: "id", Revision: h.Revision + 1, Data: document, Deleted: document == nil},
	}); err != nil {
		l.t.Fatal(err)
	}
	return r
}

func (l *ledger) put(key, data string) {
	l.t.Helper()
	r := l.commit(key, data)
	settlement, err := l.Project(l.t.Context(), r)
	if err != nil {
		l.t.Fatal(err)
	}
	k := store.IdempotencyKey{Tenant: "acme", Origin: store.OriginEventKey, Value: fmt.Sprint(l.n)}
	if err := l.SaveProgress(l.t.Context(), k, settlement); err != nil {
		l.t.Fatal(err)
	}
}

func (l *ledger) want(key, data string) {
	l.t.Helper()
	h, err := l.Get(l.t.Context(), store.Ref{Collection: pets, Key: events.RecordKey(key)})
	if err != nil || !store.Equal(h.Data, jsontext.Value(data)) {
		l.t.Errorf("%s is %s, %v, want %s", key, h.Data, err, data)
	}
}

func (l *ledger) remove(key string) {
	l.t.Helper()
	l.put(key, "")
}

func (l *ledger) wantGone(key string) {
	l.t.Helper()
	h, err := l.Get(l.t.Context(), store.Ref{Collection: pets, Key: events.RecordKey(key)})
	if (err != nil || !h.Deleted) && !fault.Is(err, fault.NotFound) {
		l.t.Errorf("%s is %s, %v, want none", key, h.Data, err)
	}
}

// wantRow checks the row of a key in the file as this package wrote it; "" means
// that there is none.
func (l *ledger) wantRow(key, row string) {
	l.t.Helper()
	text := l.content()
	if !strings.HasPrefix(text, header) {
		l.t.Errorf("the header is %q", text)
	}
	if !open(l.t, l.bucket, layout).Observed(events.RecordKey(key)).Managed {
		l.t.Error("the file is a person's")
	}
	got := ""
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, key+",") {
			got += strings.TrimSuffix(line, "\r\n")
		}
	}
	if got != row {
		l.t.Errorf("the row of %s is %q, want %q", key, got, row)
	}
}

// A clock that was ahead once must not make the file win over later changes.
func TestNoClockDecides(t *testing.T) {
	for _, first := range []string{"id,name,tag,n,_written 2099-01-01T00:00:00.000Z,_null,_more\r\n", header} {
		l := newLedger(t)
		l.put("a", `{"id":"a","name":"one"}`)
		old := first + strings.TrimPrefix(l.content(), header)
		if first != header {
			old = strings.Replace(old, ",1.v1", ",", 1)
		}
		l.save(old)
		l.now = l.now.AddDate(80, 0, 0) // this writer's clock is far ahead
		l.put("a", `{"id":"a","name":"two"}`)
		l.now = l.now.AddDate(-80, 0, 0)
		l.put("a", `{"id":"a","name":"three"}`)
		l.put("b", `{"id":"b"}`)
		for range 2 {
			l.save(old)
			l.want("a", `{"id":"a","name":"three"}`)
			l.want("b", `{"id":"b"}`)
			l.put("c", `{"id":"c","n":`+fmt.Sprint(l.n)+`}`)
			l.want("a", `{"id":"a","name":"three"}`)
			l.want("b", `{"id":"b"}`)
			for _, key := range []string{"a", "b", "c"} {
				if shown := open(t, l.bucket, layout).Observed(events.RecordKey(key)); shown.Data == nil || !shown.Managed {
					t.Errorf("%s is not in the file", key)
				}
			}
		}
	}
}

// The file's number grows with each write, and each row has its record's version.
func TestVersionsInTheFile(t *testing.T) {
	l := newLedger(t)
	l.put("a", `{"id":"a"}`)
	l.wantRow("a", "a,,,,,,1.v1")
	l.put("b", `{"id":"b"}`)
	l.wantRow("a", "a,,,,,,2.v1")
	l.put("a", `{"id":"a","n":1}`)
	l.wantRow("a", "a,,,1,,,3.v2")
	l.wantRow("b", "b,,,,,,3.v1")
	l.remove("a")
	l.remove("b")
	l.put("b", `{"id":"b"}`) // the number survives a file without rows
	l.wantRow("b", "b,,,,,,6.v3")
	for key, want := range map[events.RecordKey]int64{"a": 4, "b": 6} {
		h, err := l.Get(t.Context(), store.Ref{Collection: pets, Key: key})
		if err != nil || h.FileWrite != want {
			t.Errorf("%s was shown by write %d, %v, want %d", key, h.FileWrite, err, want)
		}
	}
}

func (l *ledger) edit(from, to string) {
	l.t.Helper()
	text := l.content()
	if !strings.Contains(text, from) {
		l.t.Fatalf("%q is not in %q", from, text)
	}
	l.save(strings.Replace(text, from, to, 1))
}

// Each way in which a person can leave a row, what becomes of the record, and
// its row after the next write. An import takes a write number of its own.
func TestEditedRows(t *testing.T) {
	for _, c := range []struct{ name, from, to, record, row string }{
		{"current", "a,two,,,,,3.v2", "a,hand,,,,,3.v2", `{"id":"a","name":"hand"}`, "a,hand,,,,,5.v3"},
		{"no version", "a,two,,,,,3.v2", "a,hand,,,,,", `{"id":"a","name":"hand"}`, "a,hand,,,,,5.v3"},
		{"blanks for a version", "a,two,,,,,3.v2", "a,hand,,,,,'  ", `{"id":"a","name":"hand"}`, "a,hand,,,,,5.v3"},
		{"an older version", "a,two,,,,,3.v2", "a,hand,,,,,3.v1", `{"id":"a","name":"two"}`, "a,two,,,,,4.v2"},
		{"an older version, pasted", "a,two,,,,,3.v2", "a,hand,,,,,1.v1", `{"id":"a","name":"two"}`, "a,two,,,,,4.v2"},
		{"an older write", "a,two,,,,,3.v2", "a,hand,,,,,1.v2", `{"id":"a","name":"two"}`, "a,two,,,,,4.v2"},
		{"a version to come", "a,two,,,,,3.v2", "a,hand,,,,,3.v3", `{"id":"a","name":"two"}`, "a,two,,,,,4.v2"},
		{"no dot", "a,two,,,,,3.v2", "a,hand,,,,,3", `{"id":"a","name":"two"}`, "a,two,,,,,4.v2"},
		{"a date", "a,two,,,,,3.v2", "a,hand,,,,,2026-02-03", `{"id":"a","name":"two"}`, "a,two,,,,,4.v2"},
		{"a comma", "a,two,,,,,3.v2", "a,hand,,,,,\"3,v2\"", `{"id":"a","name":"two"}`, "a,two,,,,,4.v2"},
		{"signs", "a,two,,,,,3.v2", "a,hand,,,,,+3.v-2", `{"id":"a","name":"two"}`, "a,two,,,,,4.v2"},
		{"zero", "a,two,,,,,3.v2", "a,hand,,,,,3.v0", `{"id":"a","name":"two"}`, "a,two,,,,,4.v2"},
		{"too large", "a,two,,,,,3.v2", "a,hand,,,,,99999999999999999999.v2", `{"id":"a","name":"two"}`, "a,two,,,,,4.v2"},
		{"damaged, not edited", "a,two,,,,,3.v2", "a,two,,,,,???", `{"id":"a","name":"two"}`, "a,two,,,,,4.v2"},
		{"removed", "a,two,,,,,3.v2\r\n", "", "", ""},
		{"new", "a,two,,,,,3.v2\r\n", "a,two,,,,,3.v2\r\nnew,x,,,,,\r\n", `{"id":"a","name":"two"}`, "a,two,,,,,5.v2"},
	} {
		l := newLedger(t)
		l.put("a", `{"id":"a","name":"one"}`)
		l.put("a", `{"id":"a","name":"two"}`)
		l.put("b", `{"id":"b"}`)
		l.edit(c.from, c.to)
		t.Run(c.name, func(t *testing.T) {
			l.t = t
			check := func() {
				if c.record == "" {
					l.wantGone("a")
				} else {
					l.want("a", c.record)
				}
			}
			check()
			if c.name == "new" {
				l.want("new", `{"id":"new","name":"x"}`)
			}
			l.put("c", `{"id":"c"}`)
			check()
			l.wantRow("a", c.row)
		})
	}
}

// A row of a deleted record is removed, unless its cell _version is empty; so is
// a row whose record is not known at all.
func TestRowOfADeletedRecord(t *testing.T) {
	l := newLedger(t)
	l.put("a", `{"id":"a"}`)
	l.put("b", `{"id":"b"}`)
	copied := l.content()
	l.remove("a")
	l.save(copied + "unknown,,,,,,2.v1\r\n")
	l.wantGone("a")
	l.save(strings.Replace(copied, "a,,,,,,2.v1", "a,,,,,,9.v2", 1)) // the tombstone's version
	l.wantGone("a")
	l.save(copied + "unknown,,,,,,2.v1\r\n")
	l.wantGone("a")
	l.wantGone("unknown")
	l.put("b", `{"id":"b","n":1}`)
	l.wantGone("a")
	l.wantGone("unknown")
	l.wantRow("a", "")
	l.wantRow("unknown", "")
	l.save(strings.Replace(copied, "a,,,,,,2.v1", "a,again,,,,,", 1))
	l.want("a", `{"id":"a","name":"again"}`)
	l.want("b", `{"id":"b","n":1}`)
}

// A record counts as removed only if the copy is at least as young as the write
// that showed it.
func TestMissingRows(t *testing.T) {
	l := newLedger(t)
	l.put("a", `{"id":"a"}`)
	l.put("b", `{"id":"b"}`)
	copied := l.content() // of write 2
	l.put("c", `{"id":"c"}`)
	l.put("b", `{"id":"b","n":1}`)
	l.save(strings.Replace(strings.Replace(copied, "a,,,,,,2.v1\r\n", "", 1), "b,,,,,,2.v1\r\n", "keep,,,,,,\r\nb,,,,,,2.v1\r\n", 1))
	l.wantGone("a") // write 1 showed it
	l.want("b", `{"id":"b","n":1}`)
	l.want("c", `{"id":"c"}`)
	l.want("keep", `{"id":"keep"}`)
	l.put("d", `{"id":"d"}`)
	l.wantGone("a")
	l.want("b", `{"id":"b","n":1}`)
	l.want("c", `{"id":"c"}`)

	// Another copy of write 2 does not know the row that was added by hand.
	l.save(copied)
	l.want("keep", `{"id":"keep"}`)
	l.wantGone("a")
	l.put("d", `{"id":"d","n":1}`)
	l.want("keep", `{"id":"keep"}`)

	// A file without any number proves nothing.
	l.save(header)
	l.want("b", `{"id":"b","n":1}`)
	l.put("e", `{"id":"e"}`)
	for _, key := range []string{"b", "c", "d", "e", "keep"} {
		if shown := open(t, l.bucket, layout).Observed(events.RecordKey(key)); shown.Data == nil {
			t.Errorf("%s was not restored", key)
		}
	}
	l.save(copied) // numbers went on from the records' own
	l.want("e", `{"id":"e"}`)
}

// A ledger that was restored to an earlier time gives a revision to another change.
// A copy of the file from the lost time is not an edit of it.
func TestRestoredLedger(t *testing.T) {
	lost := newLedger(t)
	lost.put("a", `{"id":"a","name":"one"}`)
	lost.put("a", `{"id":"a","name":"lost"}`)
	copied := content(t, lost.bucket)
	l := newLedger(t)
	l.put("a", `{"id":"a","name":"one"}`)
	l.put("a", `{"id":"a","name":"two"}`)
	l.wantRow("a", "a,two,,,,,2.v2")
	put(t, l.bucket, copied)
	l.want("a", `{"id":"a","name":"two"}`)
	l.put("b", `{"id":"b"}`)
	l.want("a", `{"id":"a","name":"two"}`)
	l.wantRow("a", "a,two,,,,,3.v2")
}

// A version is never a number or a date, which a spreadsheet would change.
func TestVersionIsText(t *testing.T) {
	for _, version := range []store.Version{"12345678901234567890123456789012", "12e45678901234567890123456789012", "00000000000000000000000000000000"} {
		h := head("a", `{"id":"a"}`)
		h.Version = version
		cell := regexp.MustCompile(`,1\.v[0-9a-e]{16}\r\n$`)
		if got := project(t, blob.NewMemory(), layout, h); !cell.MatchString(got) {
			t.Errorf("%q", got)
		}
	}
}

// The file of the first format is read, and converted by the next write.
func TestFirstFormat(t *testing.T) {
	const legacy = "id,name,tag,n,_written 2026-11-21T12:30:00.000Z,_null,_more\r\n"
	l := newLedger(t)
	l.put("a", `{"id":"a","name":"one"}`)
	l.put("b", `{"id":"b","tag":null,"x":1}`)
	l.put("gone", `{"id":"gone"}`)
	l.remove("gone")
	text := legacy + "a,one,,,,,\r\nb,,,,,\"[\"\"tag\"\"]\",\"{\"\"x\"\":1}\"\r\n"
	sum := sha256.Sum256([]byte(text))
	if _, err := l.bucket.Put(t.Context(), "data/acme/pet.csv", []byte(text), map[string]string{"sha256": hex.EncodeToString(sum[:])}, blob.Condition{}); err != nil {
		t.Fatal(err)
	}
	l.want("a", `{"id":"a","name":"one"}`)
	l.put("c", `{"id":"c"}`)
	l.wantRow("a", "a,one,,,,,3.v1")
	l.wantRow("b", `b,,,,"[""tag""]","{""x"":1}",3.v1`)
	l.wantRow("c", "c,,,,,,3.v1")

	// A person's copy of the old format: the records have been changed since.
	l.put("a", `{"id":"a","name":"two"}`)
	l.save(strings.Replace(text, "a,one", "a,hand", 1) + "gone,,,,,,\r\nnew,,,,,,\r\n")
	l.want("a", `{"id":"a","name":"two"}`)
	l.want("c", `{"id":"c"}`)
	l.wantGone("gone")
	l.want("new", `{"id":"new"}`)
	l.put("c", `{"id":"c","n":1}`)
	l.wantRow("gone", "")
}

// An edit of a file that the present version has never written is imported, again
// and again, unless the record is younger than the file.
func TestFirstFormatEdited(t *testing.T) {
	l := newLedger(t)
	heads := map[string]string{"a": `{"id":"a","name":"one"}`, "b": `{"id":"b"}`}
	for key, data := range heads {
		r := l.commit(key, data)
		// As the previous version settled it: without a number.
		k := store.IdempotencyKey{Tenant: "acme", Origin: store.OriginEventKey, Value: fmt.Sprint(l.n)}
		h, err := l.Get(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.SaveProgress(t.Context(), k, store.Progress{Projected: h.Version}); err != nil {
			t.Fatal(err)
		}
	}
	for _, written := range []string{"2026-11-21T12:30:00.000Z", "2026-11-21T11:00:00.000Z", "damaged"} {
		l.save("id,name,tag,n,_written " + written + ",_null,_more\r\na,hand,,,,,\r\n")
		if written == "2026-11-21T12:30:00.000Z" {
			l.want("a", `{"id":"a","name":"hand"}`)
			l.edit("hand", "again")
		}
		l.want("a", `{"id":"a","name":"again"}`)
		l.want("b", `{"id":"b"}`) // a row that is missing from it proves nothing
	}
	l.save(header) // nor does a file without a number
	l.want("b", `{"id":"b"}`)
	l.put("c", `{"id":"c"}`)
	l.wantRow("a", "a,again,,,,,1.v3")
	l.wantRow("b", "b,,,,,,1.v1")
}

// A person opens the file, we change other records, the person saves: what was
// edited counts, and what the copy could not know of stands.
func TestSaveOfAnOldCopy(t *testing.T) {
	l := newLedger(t)
	l.put("edited", `{"id":"edited","name":"old"}`)
	l.put("changed", `{"id":"changed","name":"old"}`)
	copied := l.content()
	l.put("changed", `{"id":"changed","name":"new"}`)
	l.put("added", `{"id":"added"}`)
	l.save(strings.Replace(copied, "edited,old", "edited,by hand", 1))
	l.want("edited", `{"id":"edited","name":"by hand"}`)
	l.want("changed", `{"id":"changed","name":"new"}`)
	l.want("added", `{"id":"added"}`)
	l.put("more", `{"id":"more"}`)
	for key, data := range map[string]string{
		"edited": `{"id":"edited","name":"by hand"}`, "changed": `{"id":"changed","name":"new"}`, "added": `{"id":"added"}`, "more": `{"id":"more"}`,
	} {
		l.want(key, data)
		if shown := open(t, l.bucket, layout).Observed(events.RecordKey(key)); !store.Equal(shown.Data, jsontext.Value(data)) || !shown.Managed {
			t.Errorf("%s is shown as %s", key, shown.Data)
		}
	}
}

// A file that is gone was not a wish to remove every record.
func TestMissingFileIsWrittenAgain(t *testing.T) {
	l := newLedger(t)
	l.put("a", `{"id":"a"}`)
	l.put("b", `{"id":"b"}`)
	l.now = l.now.Add(time.Hour)
	if err := l.bucket.Delete(t.Context(), "data/acme/pet.csv", blob.Condition{}); err != nil {
		t.Fatal(err)
	}
	l.want("a", `{"id":"a"}`)
	l.put("c", `{"id":"c"}`)
	for _, key := range []string{"a", "b", "c"} {
		if shown := open(t, l.bucket, layout).Observed(events.RecordKey(key)); shown.Data == nil {
			t.Errorf("%s is not shown", key)
		}
	}
}

// The write numbers of a file that was lost continue from those that the records
// hold: with numbers that start again, an edit of a restored row would count as one
// of an older copy, and an older copy could be taken for the restored file.
func TestWriteNumbersOfALostFile(t *testing.T) {
	l := newLedger(t)
	l.put("a", `{"id":"a","name":"one"}`)
	l.put("b", `{"id":"b"}`)
	l.put("b", `{"id":"b","name":"two"}`)
	older := l.content()
	if err := l.bucket.Delete(t.Context(), "data/acme/pet.csv", blob.Condition{}); err != nil {
		t.Fatal(err)
	}
	l.put("c", `{"id":"c"}`)
	l.wantRow("b", "b,two,,,,,4.v2")
	l.edit("b,two", "b,by hand")
	l.want("b", `{"id":"b","name":"by hand"}`)
	l.want("c", `{"id":"c"}`)
	l.save(older)
	l.want("c", `{"id":"c"}`) // the older copy does not remove what it never contained
}

// Records whose projection is asked for while a write is under way go into one
// write after it.
func TestOneWriteForAllThatWait(t *testing.T) { synctest.Test(t, testOneWriteForAllThatWait) }

func testOneWriteForAllThatWait(t *testing.T) {
	l := newLedger(t)
	slow := l.bucket.(*heldBucket)
	const records = 20
	var refs []store.Ref
	for i := range records {
		refs = append(refs, l.commit(fmt.Sprint("k", i), fmt.Sprintf(`{"id":"k%d"}`, i)))
	}
	slow.reached, slow.proceed = make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	project := func(r store.Ref) {
		if _, err := l.Project(t.Context(), r); err != nil {
			t.Error(err)
		}
	}
	wg.Go(func() { project(refs[0]) })
	<-slow.reached
	for _, r := range refs[1:] {
		wg.Go(func() { project(r) })
	}
	synctest.Wait() // until all wait in line
	close(slow.proceed)
	wg.Wait()
	if n := slow.puts.Load(); n > 2 {
		t.Errorf("%d writes for %d records, want at most 2", n, records)
	}
	for _, r := range refs {
		if shown := open(t, l.bucket, layout).Observed(r.Key); shown.Data == nil {
			t.Errorf("%s is not shown", r.Key)
		}
	}
}

// A heldBucket holds its first put up, where asked to.
type heldBucket struct {
	blob.Bucket
	puts             atomic.Int64
	reached, proceed chan struct{}
}

func (b *heldBucket) Put(ctx context.Context, key string, data []byte, metadata map[string]string, c blob.Condition) (blob.ETag, error) {
	if b.puts.Add(1) == 1 && b.reached != nil {
		close(b.reached)
		<-b.proceed
	}
	return b.Bucket.Put(ctx, key, data, metadata, c)
}
