package awsjson

// None is the output of operations that return nothing.
type None struct{}
