package fault

// Status is the HTTP status that answers a fault of this code.
func (c Code) Status() int {
	switch c {
	case Invalid:
		return 400
	case Unauthenticated:
		return 401
	case Denied:
		return 403
	case NotFound:
		return 404
	case Conflict:
		return 409
	case Precondition:
		return 412
	case TooLarge:
		return 413
	case Exhausted:
		return 429
	case Unavailable:
		return 503
	}
	return 500
}
