// Package schemas implements the operations of the EventBridge schema registry that
// eventrouter's type generation, export and publish use, and those that create and
// delete what they work on.
//
//	registries := schemas.New(file, schemas.Options{Account: "000000000000", Region: "us-east-1", Now: time.Now})
//	registries.Register(mux, logger)
//
// A version of a schema never changes. A Registries is safe for concurrent use.
package schemas

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/awsapi/restjson"
	"github.com/blockforger/eventrouter/local/datafile"
)

// The buckets of the data file.
const (
	BucketRegistries = "registries"     // name
	BucketSchemas    = "schemas"        // registry, NUL, name
	BucketVersions   = "schemaversions" // registry, NUL, name, NUL, number
)

// Options configures a Registries.
type Options struct {
	Account, Region string
	Now             func() time.Time
}

// Registries are the schema registries of one account and region.
type Registries struct {
	opts Options
	file *datafile.File
	mu   sync.Mutex // held during a change
}

// New returns the registries of a file.
func New(file *datafile.File, opts Options) *Registries { return &Registries{opts: opts, file: file} }

// Operations returns the operations that are served.
func (s *Registries) Operations() []restjson.Operation {
	const registry = "/v1/registries/name/{registryName}"
	const schema = registry + "/schemas/name/{schemaName}"
	return []restjson.Operation{
		restjson.Op("POST "+registry, "CreateRegistry", s.CreateRegistry).WithStatus(http.StatusCreated),
		restjson.Op("GET "+registry, "DescribeRegistry", s.DescribeRegistry),
		restjson.Op("DELETE "+registry, "DeleteRegistry", s.DeleteRegistry).WithStatus(http.StatusNoContent),
		restjson.Op("GET "+registry+"/schemas", "ListSchemas", s.ListSchemas),
		restjson.Op("POST "+schema, "CreateSchema", s.CreateSchema).WithStatus(http.StatusCreated),
		restjson.Op("PUT "+schema, "UpdateSchema", s.UpdateSchema),
		restjson.Op("GET "+schema, "DescribeSchema", s.DescribeSchema),
		restjson.Op("DELETE "+schema, "DeleteSchema", s.DeleteSchema).WithStatus(http.StatusNoContent),
		restjson.Op("GET "+schema+"/versions", "ListSchemaVersions", s.ListSchemaVersions),
	}
}

// Register adds the operations to a mux.
func (s *Registries) Register(mux *http.ServeMux, log *slog.Logger) {
	restjson.RegisterErrors(mux, log, writeError, s.Operations()...)
}

// writeError writes an error as the Schemas API does: with the members Code and Message.
func writeError(w http.ResponseWriter, err error) {
	e := awsjson.AsError(err)
	if e.Code == "ValidationException" || e.Code == "SerializationException" {
		e = &awsjson.Error{Code: "BadRequestException", Message: e.Message}
		if e.Message == "" {
			e.Message = "The request is not valid JSON."
		}
	}
	w.Header().Set("X-Amzn-Errortype", e.Code)
	awsjson.Write(w, restjson.ContentType, e.HTTPStatus(), map[string]string{"Code": strings.TrimSuffix(e.Code, "Exception"), "Message": e.Message})
}

func badRequest(format string, args ...any) error {
	return awsjson.Errorf("BadRequestException", format, args...)
}

func noRegistry(name string) error {
	return &awsjson.Error{Code: "NotFoundException", Status: http.StatusNotFound, Message: "Registry with name " + awsjson.Clip(name) + " does not exist."}
}

func noSchema(name string) error {
	return &awsjson.Error{Code: "NotFoundException", Status: http.StatusNotFound, Message: "Schema with name " + awsjson.Clip(name) + " does not exist."}
}

func conflict(what, name string) error {
	return &awsjson.Error{Code: "ConflictException", Status: http.StatusConflict, Message: what + " with name " + name + " already exists."}
}

// The names that AWS accepts.
var (
	registryName = regexp.MustCompile(`^[0-9A-Za-z_.@-]{1,64}$`)
	schemaName   = regexp.MustCompile(`^[0-9A-Za-z_.@-]{1,385}$`)
)

// registry is a stored registry.
type registry struct {
	Description string            `json:"description,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
}

// schema is a stored schema without its contents.
type schema struct {
	Type        string            `json:"type"`
	Description string            `json:"description,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
	Modified    time.Time         `json:"modified"`
	Versions    int               `json:"versions"` // the number of the newest
}

// version is a stored version of a schema.
type version struct {
	Type    string    `json:"type"`
	Content string    `json:"content"`
	Created time.Time `json:"created"`
}

func schemaKey(registry, name string) []byte { return []byte(registry + "\x00" + name) }

func versionKey(registry, name string, number int) []byte {
	return binary.BigEndian.AppendUint32([]byte(registry+"\x00"+name+"\x00"), uint32(number))
}

func (s *Registries) arn(kind, path string) string {
	return "arn:aws:schemas:" + s.opts.Region + ":" + s.opts.Account + ":" + kind + "/" + path
}

// load reads a stored value; ok is false if it does not exist.
func load[T any](file *datafile.File, bucket string, key []byte) (v *T, ok bool, err error) {
	err = file.Each(bucket, key, func(found, record []byte) (bool, error) {
		if bytes.Equal(found, key) {
			v, ok = new(T), true
			return false, json.Unmarshal(record, v)
		}
		return false, nil
	})
	return v, ok, err
}

// under returns the stored values whose key begins with prefix, by the rest of the key.
func under[T any](file *datafile.File, bucket, prefix string) (map[string]*T, error) {
	all := map[string]*T{}
	err := file.Each(bucket, []byte(prefix), func(key, record []byte) (bool, error) {
		name, ok := strings.CutPrefix(string(key), prefix)
		if !ok {
			return false, nil
		}
		v := new(T)
		all[name] = v
		return true, json.Unmarshal(record, v)
	})
	return all, err
}

func (s *Registries) put(bucket string, key []byte, v any) (datafile.Write, error) {
	record, err := json.Marshal(v)
	return s.file.Put(bucket, key, record), err
}

func (s *Registries) findRegistry(name string) (*registry, error) {
	r, ok, err := load[registry](s.file, BucketRegistries, []byte(name))
	if err == nil && !ok {
		err = noRegistry(name)
	}
	return r, err
}

func (s *Registries) findSchema(registry, name string) (*schema, error) {
	if _, err := s.findRegistry(registry); err != nil {
		return nil, err
	}
	one, ok, err := load[schema](s.file, BucketSchemas, schemaKey(registry, name))
	if err == nil && !ok {
		err = noSchema(name)
	}
	return one, err
}

type CreateRegistryInput struct {
	RegistryName string            `path:"registryName" json:"registryName" aws:"required"`
	Description  string            `json:"Description,omitempty" aws:"min=0,max=256"`
	Tags         map[string]string `json:"tags,omitempty"`
}

type RegistryOutput struct {
	Description  string            `json:"Description,omitempty"`
	RegistryArn  string            `json:"RegistryArn,omitempty"`
	RegistryName string            `json:"RegistryName,omitempty"`
	Tags         map[string]string `json:"tags,omitempty"`
}

// CreateRegistry creates a registry.
func (s *Registries) CreateRegistry(ctx context.Context, in *CreateRegistryInput) (*RegistryOutput, error) {
	switch {
	case !registryName.MatchString(in.RegistryName):
		return nil, badRequest("The registry name must have 1 to 64 characters: letters, digits, and . - _ @")
	case strings.HasPrefix(in.RegistryName, "aws."):
		return nil, badRequest("A registry name must not begin with aws.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, exists, err := load[registry](s.file, BucketRegistries, []byte(in.RegistryName)); err != nil || exists {
		if err == nil {
			err = conflict("Registry", in.RegistryName)
		}
		return nil, err
	}
	r := &registry{Description: in.Description, Tags: in.Tags}
	w, err := s.put(BucketRegistries, []byte(in.RegistryName), r)
	if err != nil {
		return nil, err
	}
	return s.registryOutput(in.RegistryName, r), s.file.Commit(ctx, []datafile.Write{w})
}

func (s *Registries) registryOutput(name string, r *registry) *RegistryOutput {
	return &RegistryOutput{Description: r.Description, RegistryName: name, RegistryArn: s.arn("registry", name), Tags: r.Tags}
}

type DescribeRegistryInput struct {
	RegistryName string `path:"registryName" json:"registryName" aws:"required"`
}

// DescribeRegistry returns a registry.
func (s *Registries) DescribeRegistry(_ context.Context, in *DescribeRegistryInput) (*RegistryOutput, error) {
	r, err := s.findRegistry(in.RegistryName)
	if err != nil {
		return nil, err
	}
	return s.registryOutput(in.RegistryName, r), nil
}

// DeleteRegistry removes a registry with its schemas.
func (s *Registries) DeleteRegistry(ctx context.Context, in *DescribeRegistryInput) (*awsjson.None, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.findRegistry(in.RegistryName); err != nil {
		return nil, err
	}
	writes := []datafile.Write{s.file.Remove(BucketRegistries, []byte(in.RegistryName))}
	for _, bucket := range []string{BucketSchemas, BucketVersions} {
		writes = append(writes, s.removals(bucket, in.RegistryName+"\x00")...)
	}
	return nil, s.file.Commit(ctx, writes)
}

// removals returns the writes that remove the keys with a prefix.
func (s *Registries) removals(bucket, prefix string) (writes []datafile.Write) {
	_ = s.file.Keys(bucket, []byte(prefix), func(key []byte) bool {
		if !bytes.HasPrefix(key, []byte(prefix)) {
			return false
		}
		writes = append(writes, s.file.Remove(bucket, bytes.Clone(key)))
		return true
	})
	return writes
}

type CreateSchemaInput struct {
	RegistryName string            `path:"registryName" json:"registryName" aws:"required"`
	SchemaName   string            `path:"schemaName" json:"schemaName" aws:"required"`
	Type         string            `json:"Type" aws:"required,enum=OpenApi3|JSONSchemaDraft4"`
	Content      string            `json:"Content" aws:"required,min=1,max=100000"`
	Description  string            `json:"Description,omitempty" aws:"min=0,max=256"`
	Tags         map[string]string `json:"tags,omitempty"`
}

type SchemaOutput struct {
	Description        string            `json:"Description,omitempty"`
	LastModified       *restjson.ISOTime `json:"LastModified,omitempty"`
	SchemaArn          string            `json:"SchemaArn,omitempty"`
	SchemaName         string            `json:"SchemaName,omitempty"`
	SchemaVersion      string            `json:"SchemaVersion,omitempty"`
	Tags               map[string]string `json:"tags,omitempty"`
	Type               string            `json:"Type,omitempty"`
	VersionCreatedDate *restjson.ISOTime `json:"VersionCreatedDate,omitempty"`
}

func (s *Registries) schemaOutput(registry, name string, one *schema, number int, v *version) SchemaOutput {
	return SchemaOutput{Description: one.Description, LastModified: &restjson.ISOTime{Time: one.Modified}, SchemaArn: s.arn("schema", registry+"/"+name),
		SchemaName: name, SchemaVersion: strconv.Itoa(number), Tags: one.Tags, Type: v.Type, VersionCreatedDate: &restjson.ISOTime{Time: v.Created}}
}

// CreateSchema creates a schema with its version 1.
func (s *Registries) CreateSchema(ctx context.Context, in *CreateSchemaInput) (*SchemaOutput, error) {
	if !schemaName.MatchString(in.SchemaName) {
		return nil, badRequest("The schema name must have 1 to 385 characters: letters, digits, and . - _ @")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.findRegistry(in.RegistryName); err != nil {
		return nil, err
	}
	if _, exists, err := load[schema](s.file, BucketSchemas, schemaKey(in.RegistryName, in.SchemaName)); err != nil || exists {
		if err == nil {
			err = conflict("Schema", in.SchemaName)
		}
		return nil, err
	}
	one := &schema{Type: in.Type, Description: in.Description, Tags: in.Tags}
	return s.addVersion(ctx, in.RegistryName, in.SchemaName, one, in.Content)
}

// addVersion stores a schema with a further version.
func (s *Registries) addVersion(ctx context.Context, registry, name string, one *schema, content string) (*SchemaOutput, error) {
	if document := jsontext.Value(content); document.Kind() != '{' || !document.IsValid() {
		return nil, badRequest("The content of the schema is not a JSON object.")
	}
	one.Versions++
	one.Modified = s.opts.Now().UTC()
	v := &version{Type: one.Type, Content: content, Created: one.Modified}
	w, err := s.put(BucketVersions, versionKey(registry, name, one.Versions), v)
	if err != nil {
		return nil, err
	}
	return s.store(ctx, registry, name, one, v, w)
}

func (s *Registries) store(ctx context.Context, registry, name string, one *schema, v *version, with ...datafile.Write) (*SchemaOutput, error) {
	w, err := s.put(BucketSchemas, schemaKey(registry, name), one)
	if err != nil {
		return nil, err
	}
	out := s.schemaOutput(registry, name, one, one.Versions, v)
	return &out, s.file.Commit(ctx, append(with, w))
}

type UpdateSchemaInput struct {
	RegistryName  string `path:"registryName" json:"registryName" aws:"required"`
	SchemaName    string `path:"schemaName" json:"schemaName" aws:"required"`
	ClientTokenId string `json:"ClientTokenId,omitempty" aws:"min=0,max=36"`
	Type          string `json:"Type,omitempty" aws:"enum=OpenApi3|JSONSchemaDraft4"`
	Content       string `json:"Content,omitempty" aws:"min=1,max=100000"`
	Description   string `json:"Description,omitempty" aws:"min=0,max=256"`
}

// UpdateSchema adds a version, or changes the description only.
func (s *Registries) UpdateSchema(ctx context.Context, in *UpdateSchemaInput) (*SchemaOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, err := s.findSchema(in.RegistryName, in.SchemaName)
	if err != nil {
		return nil, err
	}
	if in.Description != "" {
		one.Description = in.Description
	}
	if in.Content != "" {
		if in.Type != "" {
			one.Type = in.Type
		}
		return s.addVersion(ctx, in.RegistryName, in.SchemaName, one, in.Content)
	}
	if in.Type != "" && in.Type != one.Type {
		return nil, badRequest("A change of the type needs the content.")
	}
	v, err := s.findVersion(in.RegistryName, in.SchemaName, one.Versions)
	if err != nil {
		return nil, err
	}
	one.Modified = s.opts.Now().UTC()
	return s.store(ctx, in.RegistryName, in.SchemaName, one, v)
}

func (s *Registries) findVersion(registry, name string, number int) (*version, error) {
	v, ok, err := load[version](s.file, BucketVersions, versionKey(registry, name, number))
	if err == nil && !ok {
		err = &awsjson.Error{Code: "NotFoundException", Status: http.StatusNotFound,
			Message: fmt.Sprintf("Version %d of schema with name %s does not exist.", number, awsjson.Clip(name))}
	}
	return v, err
}

type DescribeSchemaInput struct {
	RegistryName  string `path:"registryName" json:"registryName" aws:"required"`
	SchemaName    string `path:"schemaName" json:"schemaName" aws:"required"`
	SchemaVersion string `query:"schemaVersion" json:"schemaVersion,omitempty"`
}

type DescribeSchemaOutput struct {
	Content            string            `json:"Content,omitempty"`
	Description        string            `json:"Description,omitempty"`
	LastModified       *restjson.ISOTime `json:"LastModified,omitempty"`
	SchemaArn          string            `json:"SchemaArn,omitempty"`
	SchemaName         string            `json:"SchemaName,omitempty"`
	SchemaVersion      string            `json:"SchemaVersion,omitempty"`
	Tags               map[string]string `json:"tags,omitempty"`
	Type               string            `json:"Type,omitempty"`
	VersionCreatedDate *restjson.ISOTime `json:"VersionCreatedDate,omitempty"`
}

// DescribeSchema returns a version of a schema, the newest by default.
func (s *Registries) DescribeSchema(_ context.Context, in *DescribeSchemaInput) (*DescribeSchemaOutput, error) {
	one, err := s.findSchema(in.RegistryName, in.SchemaName)
	if err != nil {
		return nil, err
	}
	number := one.Versions
	if in.SchemaVersion != "" {
		if number, err = strconv.Atoi(in.SchemaVersion); err != nil || number < 1 || number > 1<<30 {
			return nil, badRequest("The schema version %s is not a number.", awsjson.Clip(in.SchemaVersion))
		}
	}
	v, err := s.findVersion(in.RegistryName, in.SchemaName, number)
	if err != nil {
		return nil, err
	}
	o := s.schemaOutput(in.RegistryName, in.SchemaName, one, number, v)
	return &DescribeSchemaOutput{Content: v.Content, Description: o.Description, LastModified: o.LastModified, SchemaArn: o.SchemaArn, SchemaName: o.SchemaName,
		SchemaVersion: o.SchemaVersion, Tags: o.Tags, Type: o.Type, VersionCreatedDate: o.VersionCreatedDate}, nil
}

type DeleteSchemaInput struct {
	RegistryName string `path:"registryName" json:"registryName" aws:"required"`
	SchemaName   string `path:"schemaName" json:"schemaName" aws:"required"`
}

// DeleteSchema removes a schema with its versions.
func (s *Registries) DeleteSchema(ctx context.Context, in *DeleteSchemaInput) (*awsjson.None, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.findSchema(in.RegistryName, in.SchemaName); err != nil {
		return nil, err
	}
	key := schemaKey(in.RegistryName, in.SchemaName)
	writes := append(s.removals(BucketVersions, string(key)+"\x00"), s.file.Remove(BucketSchemas, key))
	return nil, s.file.Commit(ctx, writes)
}

type ListSchemasInput struct {
	RegistryName     string `path:"registryName" json:"registryName" aws:"required"`
	SchemaNamePrefix string `query:"schemaNamePrefix" json:"schemaNamePrefix,omitempty"`
	NextToken        string `query:"nextToken" json:"nextToken,omitempty"`
	Limit            *int   `query:"limit" json:"limit,omitempty"`
}

type schemaSummary struct {
	LastModified *restjson.ISOTime `json:"LastModified,omitempty"`
	SchemaArn    string            `json:"SchemaArn,omitempty"`
	SchemaName   string            `json:"SchemaName,omitempty"`
	Tags         map[string]string `json:"tags,omitempty"`
	VersionCount int               `json:"VersionCount"`
}

type ListSchemasOutput struct {
	NextToken string          `json:"NextToken,omitempty"`
	Schemas   []schemaSummary `json:"Schemas"`
}

// ListSchemas lists the schemas of a registry by name.
func (s *Registries) ListSchemas(_ context.Context, in *ListSchemasInput) (*ListSchemasOutput, error) {
	if _, err := s.findRegistry(in.RegistryName); err != nil {
		return nil, err
	}
	all, err := under[schema](s.file, BucketSchemas, in.RegistryName+"\x00")
	if err != nil {
		return nil, err
	}
	names, next, err := page(all, in.SchemaNamePrefix, in.NextToken, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &ListSchemasOutput{Schemas: []schemaSummary{}, NextToken: next}
	for _, name := range names {
		one := all[name]
		out.Schemas = append(out.Schemas, schemaSummary{LastModified: &restjson.ISOTime{Time: one.Modified}, SchemaArn: s.arn("schema", in.RegistryName+"/"+name),
			SchemaName: name, Tags: one.Tags, VersionCount: one.Versions})
	}
	return out, nil
}

func page[V any](all map[string]V, prefix, token string, limit *int) ([]string, string, error) {
	if limit != nil && (*limit < 1 || *limit > 100) {
		return nil, "", badRequest("The limit must be between 1 and 100.")
	}
	return awsjson.Page(all, prefix, token, limit)
}

type ListSchemaVersionsInput struct {
	RegistryName string `path:"registryName" json:"registryName" aws:"required"`
	SchemaName   string `path:"schemaName" json:"schemaName" aws:"required"`
	NextToken    string `query:"nextToken" json:"nextToken,omitempty"`
	Limit        *int   `query:"limit" json:"limit,omitempty"`
}

type schemaVersionSummary struct {
	SchemaArn     string `json:"SchemaArn,omitempty"`
	SchemaName    string `json:"SchemaName,omitempty"`
	SchemaVersion string `json:"SchemaVersion,omitempty"`
	Type          string `json:"Type,omitempty"`
}

type ListSchemaVersionsOutput struct {
	NextToken      string                 `json:"NextToken,omitempty"`
	SchemaVersions []schemaVersionSummary `json:"SchemaVersions"`
}

// ListSchemaVersions lists the versions of a schema, in the order of their numbers as
// text, as AWS does: 10 comes before 9.
func (s *Registries) ListSchemaVersions(_ context.Context, in *ListSchemaVersionsInput) (*ListSchemaVersionsOutput, error) {
	one, err := s.findSchema(in.RegistryName, in.SchemaName)
	if err != nil {
		return nil, err
	}
	all := map[string]struct{}{}
	for number := range one.Versions {
		all[strconv.Itoa(number+1)] = struct{}{}
	}
	numbers, next, err := page(all, "", in.NextToken, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &ListSchemaVersionsOutput{SchemaVersions: []schemaVersionSummary{}, NextToken: next}
	for _, number := range numbers {
		out.SchemaVersions = append(out.SchemaVersions, schemaVersionSummary{SchemaArn: s.arn("schema", in.RegistryName+"/"+in.SchemaName),
			SchemaName: in.SchemaName, SchemaVersion: number, Type: one.Type})
	}
	return out, nil
}
