package awstest

import "syscall"

// dieWithParent has the kernel end a process when the thread that started it
// is gone, even where the test binary was killed.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
