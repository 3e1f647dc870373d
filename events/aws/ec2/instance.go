package ec2

// States of an instance, as state change events name them.
const (
	Pending      = "pending"
	Running      = "running"
	ShuttingDown = "shutting-down"
	Stopping     = "stopping"
	Stopped      = "stopped"
	Terminated   = "terminated"
)

// String says which instance is in which state.
func (d InstanceStateChangeNotification) String() string {
	return "instance " + d.InstanceID + " is " + d.State
}

// Gone reports whether the instance ends, or has ended, for good.
func (d InstanceStateChangeNotification) Gone() bool {
	return d.State == ShuttingDown || d.State == Terminated
}
