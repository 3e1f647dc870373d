package lambda

import (
	"reflect"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// FuzzClassify: what the quick path reads of a payload is what the decoder reads, and
// most payloads take it.
func FuzzClassify(f *testing.F) {
	quick := map[string]bool{
		`{"source":"blockforger-input","detail-type":"pet.POST","detail":{"source":5}}`: true,
		`{ "source" : "aws.events" , "detail-type":"Scheduled Event" }`:                 true,
		`{"Records":[{"body":"{\"source\":1}"}],"source":null}`:                         true,
		`{"requestPayload":{},"requestContext":{}}`:                                     true,
		`{"requestContext":{},"httpMethod":"GET","rawPath":"/a"}`:                       true,
		`{"source":1,"source":2}`:                                                       true,
		`{"source":"a"} trailing`:                                                       true,
		`{"so\u0075rce":"a"}`:                                                           false,
		`{}`:                                                                            true, `{"source":"a",}`: false, `{"source":"a"`: false, `{"source":"a" 1}`: false, `{"source":}`: false, `{1:2}`: false, `[]`: false, ``: false,
	}
	for payload, want := range quick {
		var p probe
		if got := quickProbe([]byte(payload), &p); got != want {
			f.Errorf("%s takes the quick path: %t, want %t", payload, got, want)
		}
		f.Add([]byte(payload))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		var got, want probe
		if !quickProbe(payload, &got) {
			return
		}
		_ = json.Unmarshal(payload, &want, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q: quickly %v, want %v", payload, got, want)
		}
	})
}
