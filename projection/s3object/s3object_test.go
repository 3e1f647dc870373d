package s3object_test

import (
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/blockforger/eventrouter/internal/awstest"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/internal/blob/s3blob"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/store/boltstore"
	"github.com/blockforger/eventrouter/store/memstore"
	"github.com/blockforger/eventrouter/store/storetest"
)

var ledgers = map[string]func(testing.TB, storetest.Env) store.Driver{
	"memstore": func(_ testing.TB, e storetest.Env) store.Driver {
		return memstore.New(&memstore.Options{Clock: e.Clock, Fault: e.Fault})
	},
	"boltstore": func(t testing.TB, e storetest.Env) store.Driver {
		d, err := boltstore.Open(filepath.Join(t.TempDir(), "ledger.db"), &boltstore.Options{Clock: e.Clock, Fault: e.Fault})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		return d
	},
}

var buckets = map[string]func(testing.TB) blob.Bucket{
	"Dir": func(t testing.TB) blob.Bucket {
		d, err := blob.OpenDir(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		return d
	},
	"gofakes3": func(t testing.TB) blob.Bucket {
		client := s3.NewFromConfig(awstest.Config(awstest.S3(t)))
		if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("records")}); err != nil {
			t.Fatal(err)
		}
		b, err := s3blob.New(client, "records", "test/")
		if err != nil {
			t.Fatal(err)
		}
		return b
	},
}

func TestProjection(t *testing.T) {
	for ledger, openLedger := range ledgers {
		for bucket, openBucket := range buckets {
			t.Run(ledger+" and "+bucket, func(t *testing.T) {
				h := storetest.S3()
				h.Ledger, h.Bucket = openLedger, openBucket
				h.Unconditional = bucket == "gofakes3"
				storetest.RunProjection(t, h)
			})
		}
	}
}
