//go:build !linux

package awstest

import "syscall"

// endWithParent does nothing on this system: only [Main] ends the processes.
func endWithParent() *syscall.SysProcAttr { return nil }
