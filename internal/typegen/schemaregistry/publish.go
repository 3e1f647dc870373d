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

// An Outcome is the effect of Publish on a schema.
type Outcome string

const (
	Created   Outcome = "create"    // the schema is created
	Updated   Outcome = "update"    // a new version is added
	Unchanged Outcome = "unchanged" // the latest version has the same content
)

// Compare reports what Publish would do, without changing the registry.
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

// Publish writes a document, in OpenAPI 3, as the latest version of its schema,
// unless the latest version has the same content. It is not atomic: concurrent
// calls may each add a version.
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
		if err = r.wrapWriteError("CreateSchema", d.Name, err); fault.Is(err, fault.NotFound) {
			return "", &fault.Error{Code: fault.NotFound, Err: err,
				Message: fmt.Sprintf("%s does not exist; create it with: aws schemas create-registry --registry-name %s", r, r.name)}
		}
	case Updated:
		_, err = r.client.UpdateSchema(ctx, &schemas.UpdateSchemaInput{RegistryName: &r.name,
			SchemaName: &d.Name, Type: types.TypeOpenApi3, Content: aws.String(content)})
		err = r.wrapWriteError("UpdateSchema", d.Name, err)
	}
	if err != nil {
		return "", err
	}
	return outcome, nil
}

// wrapWriteError adds the call and its subject to an error; it returns nil for nil.
func (r *Registry) wrapWriteError(action, subject string, err error) error {
	if err == nil {
		return nil
	}
	return r.failed(action, subject, err)
}

// sameJSON reports whether two documents are equal, ignoring white space and the
// order of members.
func sameJSON(a, b []byte) bool {
	x, y := jsontext.Value(bytes.Clone(a)), jsontext.Value(bytes.Clone(b))
	sorted := jsontext.ReorderRawObjects(true)
	return x.Format(sorted) == nil && y.Format(sorted) == nil && bytes.Equal(x, y)
}
