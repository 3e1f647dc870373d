package local_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/blockforger/eventrouter/local"
)

func TestWebPagesAreRefused(t *testing.T) {
	t.Parallel()
	m := start(t, t.TempDir(), local.Options{}, nil)
	port := m.url[strings.LastIndexByte(m.url, ':'):]
	for _, c := range []struct {
		name, host string
		header     [2]string
		status     int
	}{
		{"the CLI", "127.0.0.1" + port, [2]string{}, 200},
		{"localhost", "localhost" + port, [2]string{}, 200},
		{"a service's name", "sqs.localhost" + port, [2]string{}, 200},
		{"IPv6", "[::1]" + port, [2]string{}, 200},
		{"another site's page", "127.0.0.1" + port, [2]string{"Origin", "https://evil.example"}, 403},
		{"the same, without its name", "127.0.0.1" + port, [2]string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"an opaque origin", "127.0.0.1" + port, [2]string{"Origin", "null"}, 403},
		{"a name that was pointed at us", "evil.example" + port, [2]string{}, 403},
		{"one that only begins so", "localhost.evil.example" + port, [2]string{}, 403},
	} {
		r, err := http.NewRequest("POST", m.url+"/2015-03-31/functions/x/invocations", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		if c.status == 200 {
			r.URL.Path = "/schedule-groups/g-" + strings.NewReplacer(" ", "-", ",", "", "'", "").Replace(c.name)
		}
		r.Host = c.host
		if c.header[0] != "" {
			r.Header.Set(c.header[0], c.header[1])
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != c.status {
			t.Errorf("%s: %d, want %d", c.name, resp.StatusCode, c.status)
		}
	}
}
