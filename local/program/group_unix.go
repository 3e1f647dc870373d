//go:build unix

package program

import (
	"io/fs"
	"os/exec"
	"syscall"
)

// ownGroup gives a command a process group of its own, so that a Ctrl-C in the terminal
// does not reach it before the server has finished.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// killGroup kills a command's process group: the program and what it has started.
func killGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

func executable(info fs.FileInfo) bool {
	return info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}
