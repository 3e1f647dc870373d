//go:build !unix

package program

import (
	"io/fs"
	"os/exec"
)

func ownGroup(*exec.Cmd) {}

func killGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

func executable(info fs.FileInfo) bool { return info.Mode().IsRegular() }
