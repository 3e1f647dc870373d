package router

import (
	"context"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/tenant"
)

// authorizedRequest is a request that its API key permits and its tenant accepts.
type authorizedRequest struct {
	request
	keyID       apikey.ID
	owner       *tenant.Tenant
	fingerprint store.Fingerprint
}

// authorize checks the API key (R8) and whether the tenant accepts input events
// (R9). A tenant that does not exist accepts none: its key may outlive it.
func (r *Router) authorize(ctx context.Context, req request) (authorizedRequest, error) {
	authorized := authorizedRequest{request: req}
	permission := apikey.BackendCalls
	if req.operation == events.Get {
		permission = apikey.ReadOnly
	}
	key, err := r.keys.Authenticate(ctx, req.apiKey, req.tenant, permission)
	if err != nil {
		return authorized, err
	}
	authorized.keyID = key.ID

	authorized.owner, err = r.tenants.Tenant(ctx, req.tenant)
	switch {
	case fault.Is(err, fault.NotFound):
		return authorized, &fault.Error{Code: fault.Denied, Message: "the tenant is not set up", Err: err}
	case err != nil:
		return authorized, err
	case req.event && !authorized.owner.Input:
		return authorized, fault.Errorf(fault.Denied, "input events are switched off for this tenant; eventbridge-input=true in tenant.properties switches them on")
	}
	authorized.fingerprint, err = req.fingerprint()
	return authorized, err
}
