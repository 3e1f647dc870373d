// Package outputschema describes a tenant's output events as OpenAPI 3
// documents, for a schema registry.
//
// Tenants write JSON Schema up to 2020-12, registries take OpenAPI 3.0, which
// has fewer words. A document never says more than the tenant's schema does:
// what OpenAPI cannot say is left out, so that every event that the router
// publishes fits. Values stay exact: numbers keep their digits.
//
// The payload is what the request of that operation may hold: the schema itself
// for POST and PUT, every part of it optional and nullable for PATCH (RFC 7396),
// the key for DELETE; and the record where the output rule sends that.
package outputschema
