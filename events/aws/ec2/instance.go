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

// String tells which instance is in which state.
func (d EC2InstanceStateChangeNotification) String() string {
	return "instance " + d.InstanceID + " is " + d.State
}

// Gone reports whether the instance ends, or has ended, for good.
func (d EC2InstanceStateChangeNotification) Gone() bool {
	return d.State == ShuttingDown || d.State == Terminated
}
