// Package tenant reads the folder that a tenant is: its properties, its
// schemas and their output rules.
//
//	dir := tenant.NewCatalog(bucket, &tenant.CatalogOptions{DefaultBus: bus})
//	t, err := dir.Tenant(ctx, "petstore")
//	s, err := dir.Schema(ctx, "petstore", "orders")
//	err = s.Validate(payload)
//	for _, out := range s.Outputs(events.Post) { … }
//
// A [Tenant] and a [Schema] never change once made; a [Catalog] is safe for
// concurrent use and never older than 30 seconds.
// A file that turns out malformed changes nothing: the last good version stays
// in force, and the problem is reported as a [diag.Diagnostic].
//
// # The tree
//
//	{tenant}/tenant.properties
//	{tenant}/{schema}.json
//
// Ids are those of [events.ParseTenantID] and [events.ParseSchemaID]. Folders
// below a tenant's, and files with another ending, are left alone.
//
// The form of tenant.properties is specified in [github.com/blockforger/eventrouter/tenant/properties].
//
// # Output rules
//
// The property eventbridge-output, and meta.eventbridge-output of a schema, is a
// JSON array of objects; every member may be left out:
//
//	eventbridge_arn  the bus; the deployment's default bus
//	source           "blockforger-output"
//	detail_type      "{schema_id}.{operation}", with these placeholders anywhere
//	operations       array of POST, PUT, PATCH, DELETE; absent or empty: all
//	schema_names     array of schema ids; absent or empty: all
//	payload          "request" or "record"
//	metadata         true or false
//
// Rules are tried in order and each match publishes, except that two with the
// same bus, source and detail-type are one event, the earlier rule's. The
// tenant's come before the schema's own.
package tenant
