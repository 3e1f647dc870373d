//go:build conformance

package s3blob_test

import (
	"crypto/rand"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/blockforger/eventrouter/internal/awstest"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/internal/blob/blobtest"
	"github.com/blockforger/eventrouter/internal/blob/s3blob"
)

func TestMain(m *testing.M) { os.Exit(awstest.Main(m)) }

// TestConformance runs the suite on independent implementations of S3.
func TestConformance(t *testing.T) {
	// versitygw stores objects in a directory, and returns success for a delete of a
	// missing object.
	versitygw := &blobtest.Options{ShortNames: true, DeletesGone: true}
	for _, c := range []struct {
		name    string
		config  func(t *testing.T) aws.Config
		options *blobtest.Options
	}{
		{"versitygw over HTTP", func(t *testing.T) aws.Config { return awstest.VersityGW(t, false) }, versitygw},
		{"versitygw over TLS", func(t *testing.T) aws.Config { return awstest.VersityGW(t, true) }, versitygw},
		{"moto", func(t *testing.T) aws.Config { return awstest.Config(awstest.Moto(t)) }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := s3.NewFromConfig(c.config(t))
			blobtest.Run(t, func(t *testing.T) blob.Bucket {
				name := "t-" + strings.ToLower(rand.Text())
				if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
					t.Fatal(err)
				}
				b, err := s3blob.New(client, name, "dev/tree/")
				if err != nil {
					t.Fatal(err)
				}
				return b
			}, c.options)
		})
	}
}
