package schemaregistry

import (
	"bytes"
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/schemas"
	"github.com/aws/aws-sdk-go-v2/service/schemas/types"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
)

// An Outcome is what publishing does to a registry.
type Outcome string

const (
	Created   Outcome = "create"    // the schema is new
	Updated   Outcome = "update"    // it gets another version
	Unchanged Outcome = "unchanged" // its newest version says the same
)

// Compare tells what Publish would do, and does nothing.
func (r *Registry) Compare(ctx context.Context, d Document) (Outcome, error) {
	current, err := r.Document(ctx, d.Name)
	switch {
	case fault.Is(err, fault.NotFound):
		return Created, nil
	case err != nil:
		return "", err
	case sameJSON(current.Content, d.Content):
		return Unchanged, nil
	}
	return Updated, nil
}

// Publish writes a document, in OpenAPI 3, as the newest version of its schema,
// unless the newest one says the same already. It is not atomic: of two who
// publish at once, both may add a version.
func (r *Registry) Publish(ctx context.Context, d Document) (Outcome, error) {
	outcome, err := r.Compare(ctx, d)
	if err != nil {
		return "", err
	}
	content := string(d.Content)
	switch outcome {
	case Created:
		_, err = r.client.CreateSchema(ctx, &schemas.CreateSchemaInput{RegistryName: &r.name,
			SchemaName: &d.Name, Type: types.TypeOpenApi3, Content: &content})
		if err = r.failedWrite("CreateSchema", d.Name, err); fault.Is(err, fault.NotFound) {
			return "", &fault.Error{Code: fault.NotFound, Err: err,
				Message: fmt.Sprintf("%s does not exist; make it with: aws schemas create-registry --registry-name %s", r, r.name)}
		}
	case Updated:
		_, err = r.client.UpdateSchema(ctx, &schemas.UpdateSchemaInput{RegistryName: &r.name,
			SchemaName: &d.Name, Type: types.TypeOpenApi3, Content: aws.String(content)})
		err = r.failedWrite("UpdateSchema", d.Name, err)
	}
	if err != nil {
		return "", err
	}
	return outcome, nil
}

func (r *Registry) failedWrite(action, subject string, err error) error {
	if err == nil {
		return nil
	}
	return r.failed(action, subject, err)
}

// sameJSON compares without regard to blanks and the order of members.
func sameJSON(a, b []byte) bool {
	x, y := jsontext.Value(bytes.Clone(a)), jsontext.Value(bytes.Clone(b))
	sorted := jsontext.ReorderRawObjects(true)
	return x.Format(sorted) == nil && y.Format(sorted) == nil && bytes.Equal(x, y)
}
