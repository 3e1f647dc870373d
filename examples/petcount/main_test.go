package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// A table is a DynamoDB that supports only this program's transaction.
type table struct {
	ids   map[string]bool
	count int
	busy  bool
}

func (b *table) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct {
		TransactItems []struct {
			Put struct {
				Item map[string]map[string]string
			}
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || len(in.TransactItems) != 2 {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	id := in.TransactItems[0].Put.Item["id"]["S"]
	switch {
	case b.busy:
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"__type":"TransactionCanceledException","CancellationReasons":[{"Code":"None"},{"Code":"TransactionConflict"}]}`))
	case b.ids[id]:
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"__type":"TransactionCanceledException","CancellationReasons":[{"Code":"ConditionalCheckFailed"},{"Code":"None"}]}`))
	default:
		b.ids[id] = true
		b.count++
		_, _ = w.Write([]byte(`{}`))
	}
}

func TestEachPetCountsOnce(t *testing.T) {
	b := &table{ids: make(map[string]bool)}
	server := httptest.NewServer(b)
	defer server.Close()
	s := seen{table: "pets", client: dynamodb.New(dynamodb.Options{Region: "us-east-1", BaseEndpoint: aws.String(server.URL),
		Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", ""), Retryer: aws.NopRetryer{}})}

	consumer := newConsumer(s)
	handle := func(ctx context.Context, payload []byte) error {
		_, err := consumer.Handle(ctx, payload)
		return err
	}
	event := func(id string) string {
		return `{"source":"blockforger-output","detail-type":"petstore.POST","detail":{"tenant":"acme","rootSchema":"petstore","operation":"POST",` +
			`"payload":{"name":"Rex"},"metadata":{"outputId":"` + id + `"}}}`
	}
	for _, payload := range []string{event("1"), event("1"), "[" + event("2") + "," + event("1") + "]",
		`{"source":"other","detail-type":"x","detail":{}}`} {
		if err := handle(t.Context(), []byte(payload)); err != nil {
			t.Fatal(err)
		}
	}
	if b.count != 2 {
		t.Errorf("counted %d pets, want 2", b.count)
	}
	b.busy = true
	if err := handle(t.Context(), []byte(event("3"))); err == nil {
		t.Error("a conflict must be an error, so that Lambda retries")
	}
	if err := handle(t.Context(), []byte("x")); err == nil {
		t.Error("a payload that is not an event must be an error")
	}
}
