package ecs

// String tells which container instance is in which state.
func (d ECSContainerInstanceStateChange) String() string {
	return d.ContainerInstanceARN + " is " + d.Status
}

// Remaining returns how much of an integer resource, such as CPU or MEMORY, is
// free, and whether the instance has such a resource.
func (d ECSContainerInstanceStateChange) Remaining(name string) (int64, bool) {
	for _, r := range d.RemainingResources {
		if r.Name == name && r.IntegerValue != nil {
			return *r.IntegerValue, true
		}
	}
	return 0, false
}
