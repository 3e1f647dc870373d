package awstest

import "syscall"

// endWithParent makes the kernel end a process when the thread that started it
// ends, even if the test binary is killed.
func endWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
