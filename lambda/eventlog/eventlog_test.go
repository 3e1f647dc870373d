package eventlog_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/blockforger/eventrouter/lambda/eventlog"
)

func TestWritesTheEventAndMasksKeys(t *testing.T) {
	for in, want := range map[string]string{
		`{"detail":{"a":1.10,"api_key":"hush"}}`:                                    `{"detail":{"a":1.10,"api_key":"****"}}`,
		`{"api_key":{"deep":"hush"},"list":[{"api_key":["hush"]}],"x":"api_key"}`:   `{"api_key":"****","list":[{"api_key":"****"}],"x":"api_key"}`,
		"{\n \"detail\" : \"text\",\n \"api_key\":\"hush\",\"api_key\":\"again\" }": `{"detail":"text","api_key":"****","api_key":"****"}`,
		`["api_key","shown"]`:                            `["api_key","shown"]`,
		`{"note":"my key is \u0065rk_abc_def, keep it"}`: `{"note":"my key is erk_****, keep it"}`,
		`"text"`: `"text"`,
	} {
		var log bytes.Buffer
		out, err := eventlog.Serve(t.Context(), []byte(in), &log)
		if err != nil || out != nil || log.String() != want+"\n" {
			t.Errorf("%s: logged %q, %s, %v", in, log.String(), out, err)
		}
	}
}

func TestPayloadsThatAreNotJSONAreHidden(t *testing.T) {
	for _, in := range []string{`{"api_key":"hush"`, `hush`, "", `{"a":1}{"api_key`} {
		var log bytes.Buffer
		if _, err := (eventlog.Handler{Log: &log}).Invoke(t.Context(), []byte(in)); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(log.String(), "hush") {
			t.Errorf("%q: shown: %s", in, log.String())
		}
	}
}
