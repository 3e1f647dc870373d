//go:build !linux

package awstest

import "syscall"

// dieWithParent can do nothing here: only [Main] ends the processes.
func dieWithParent() *syscall.SysProcAttr { return nil }
