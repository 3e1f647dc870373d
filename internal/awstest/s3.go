package awstest

import (
	"io"
	"log"
	"net/http/httptest"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// S3 returns the URL of a new gofakes3 without buckets. It runs in this process,
// over plain HTTP, and ends with the test.
func S3(t testing.TB) string {
	t.Helper()
	quiet := gofakes3.WithLogger(gofakes3.StdLog(log.New(io.Discard, "", 0)))
	srv := httptest.NewServer(gofakes3.New(s3mem.New(), quiet).Server())
	t.Cleanup(srv.Close)
	return srv.URL
}
