package ecs

// String says which container instance is in which state.
func (d ContainerInstanceStateChange) String() string {
	return string(d.ContainerInstanceARN) + " is " + d.Status
}

// Remaining returns how much of an integer resource, such as CPU or MEMORY, is
// free, and whether the instance has such a resource.
func (d ContainerInstanceStateChange) Remaining(name string) (int64, bool) {
	for _, r := range d.RemainingResources {
		if r.Name == name && r.IntegerValue != nil {
			n, err := r.IntegerValue.Int64()
			return n, err == nil
		}
	}
	return 0, false
}
