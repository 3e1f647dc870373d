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
// in force, and the problem is reported as a [Diagnostic].
//
// # The tree
//
//	{tenant}/tenant.properties
//	{tenant}/{schema}.json
//
// Ids are those of [events.ParseTenantID] and [events.ParseSchemaID]. Folders
// below a tenant's, and files with another ending, are left alone.
//
// # tenant.properties
//
// The file is UTF-8, with or without a byte order mark, and has the form that
// java.util.Properties reads:
//
//   - A natural line ends with LF, CR, CR LF or the end of the file. Blanks are
//     space, tab and form feed; those that open a line mean nothing.
//   - A line whose first non-blank is # or ! is a comment. Empty lines are skipped.
//   - An odd number of \ at the end of a line, not of a comment, joins the next
//     line to it, without that line's leading blanks.
//   - The name ends at the first = or : or blank without a \ before it. Blanks
//     around the separator belong to neither side; there is at most one = or :.
//     Blanks at the end of a value belong to the value.
//   - \t \n \r \f are the controls, \uXXXX is a UTF-16 unit (a surrogate must be
//     followed by its other half), and any other \x is x.
//
// One thing is added. A value whose first character is [ or { runs to the
// bracket that closes it, over as many lines as it takes. In it only JSON's
// rules hold: \ is JSON's, # opens no comment, brackets within strings do not
// count, and a string must end on the line where it began. After the closing
// bracket only blanks may follow on that line. To begin an ordinary value with
// a bracket, write \[ or \{.
//
// A name that stands twice is an error. Lines and columns count from 1, columns
// in characters (Unicode code points).
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
