// Package awsjson speaks AWS's JSON protocols 1.0 and 1.1: one HTTP endpoint
// at POST /, the operation in X-Amz-Target, one JSON document each way.
//
//	events := awsjson.NewService("AWSEvents", "1.1", logger,
//		awsjson.Op("PutRule", server.PutRule),
//		awsjson.Op("DeleteRule", server.DeleteRule))
//	http.Handle("POST /", events)
//
// An operation is a Go function from an input struct to an output struct. The
// struct's tags state AWS's own constraints, and what breaks them is answered in
// AWS's own words (see [Check]). Signatures are not checked: this is for one
// machine. Everything here is safe for concurrent use.
package awsjson
