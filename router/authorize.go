package router

import (
	"context"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/tenant"
)

// authorizedRequest is a request whose API key allows it and whose tenant takes it.
type authorizedRequest struct {
	request
	keyID       apikey.ID
	owner       *tenant.Tenant
	fingerprint store.Fingerprint
}

// authorize checks the API key (R8) and the switch for input events (R9). A
// tenant that is not there is switched off: its key may outlive it.
func (r *Router) authorize(ctx context.Context, req request) (authorizedRequest, error) {
	granted := authorizedRequest{request: req}
	permission := apikey.BackendCalls
	if req.operation == events.Get {
		permission = apikey.ReadOnly
	}
	key, err := r.keys.Authenticate(ctx, req.apiKey, req.tenant, permission)
	if err != nil {
		return granted, err
	}
	granted.keyID = key.ID

	granted.owner, err = r.tenants.Tenant(ctx, req.tenant)
	switch {
	case fault.Is(err, fault.NotFound):
		return granted, &fault.Error{Code: fault.Denied, Message: "the tenant is not set up", Err: err}
	case err != nil:
		return granted, err
	case req.event && !granted.owner.Input:
		return granted, fault.Errorf(fault.Denied, "input events are switched off for this tenant; eventbridge-input=true in tenant.properties switches them on")
	}
	granted.fingerprint, err = req.fingerprint()
	return granted, err
}
