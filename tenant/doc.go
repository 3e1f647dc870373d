// Package tenant reads the files of tenants: properties, schemas and output rules.
//
//	catalog := tenant.NewCatalog(bucket, &tenant.CatalogOptions{DefaultBus: bus})
//	t, err := catalog.Tenant(ctx, "petstore")
//	s, err := catalog.Schema(ctx, "petstore", "orders")
//	err = s.Validate(ctx, payload)
//	for _, out := range s.Outputs(events.Post) { … }
//
// A [Tenant] and a [Schema] are immutable. A [Catalog] is safe for concurrent use,
// and its data is at most 30 seconds old. If a file is malformed, its last good
// version stays active, and the problem is reported as a [diag.Diagnostic].
//
// # Files
//
//	{tenant}/tenant.properties
//	{tenant}/{schema}.json
//
// Ids are those of [events.ParseTenantID] and [events.ParseSchemaID]. Folders
// below a tenant's, and files with another extension, are ignored.
//
// The form of tenant.properties is specified in [github.com/blockforger/eventrouter/tenant/properties].
//
// # Output rules
//
// The property eventbridge-output, and meta.eventbridge-output of a schema, is a
// JSON array of objects. Every member is optional; the defaults are:
//
//	eventbridge_arn  the bus; the deployment's default bus
//	source           "blockforger-output"
//	detail_type      "{schema_id}.{operation}", with these placeholders anywhere
//	operations       array of POST, PUT, PATCH, DELETE; absent or empty: all
//	schema_names     array of schema ids; absent or empty: all
//	payload          "request" or "record"
//	metadata         true or false
//
// Rules are evaluated in order, and each that matches publishes an event. If two
// rules have the same bus, source and detail-type, only the first one does. The
// tenant's rules come before the schema's.
package tenant
