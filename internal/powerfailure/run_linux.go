package powerfailure

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	childEnv      = "POWERFAILURE_TEST" // holds the test's name in its child process
	statesChecked = "powerfailure: states checked: "
	unavailable   = "powerfailure: the kernel does not report syncs: "
)

// Run runs a top-level test with a disk, in a process of its own: whose syncs are
// reported cannot be undone. The function must call [Disk.Check].
func Run(t *testing.T, test func(*Disk)) {
	t.Helper()
	if os.Getenv(childEnv) == t.Name() {
		runChild(t, test)
		return
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), childEnv+"="+t.Name())
	out, err := cmd.CombinedOutput()
	switch text := string(out); {
	case err != nil:
		t.Fatalf("%v\n%s", err, text)
	case strings.Contains(text, unavailable):
		t.Skip(text)
	case !strings.Contains(text, statesChecked):
		t.Fatalf("the test did not call Check\n%s", text)
	}
}

func runChild(t *testing.T, test func(*Disk)) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	d := newDisk(t, dir)
	listener, err := install()
	if err != nil {
		fmt.Println(unavailable, err)
		return
	}
	go serve(listener, d)
	test(d)
}

// install makes the kernel report each fsync and fdatasync of this process.
func install() (listener int, err error) {
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // the number of the call
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_FSYNC, Jt: 2},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_FDATASYNC, Jt: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_USER_NOTIF},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return 0, err
	}
	fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_NEW_LISTENER|unix.SECCOMP_FILTER_FLAG_TSYNC|unix.SECCOMP_FILTER_FLAG_TSYNC_ESRCH,
		uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return 0, errno
	}
	return int(fd), nil
}

// A notification is the kernel's struct seccomp_notif.
type notification struct {
	id          uint64
	pid, flags  uint32
	number      int32
	arch        uint32
	instruction uint64
	args        [6]uint64
}

// A response is the kernel's struct seccomp_notif_resp. With no value, error and
// flags the call returns success and does nothing: the disk is simulated, and
// nothing needs to be written.
type response struct {
	id    uint64
	value int64
	err   int32
	flags uint32
}

// serve records each sync before it returns to its caller.
func serve(listener int, d *Disk) {
	for {
		var n notification
		err := ioctl(listener, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&n))
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.ENOENT) { // a signal interrupted one of the two
			continue
		}
		r := response{id: n.id}
		if err == nil {
			err = d.sync(int(int32(n.args[0])))
		}
		if err != nil {
			d.t.Errorf("powerfailure: %v", err)
			r.err = -int32(unix.EIO)
		}
		if err := ioctl(listener, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&r)); err != nil && !errors.Is(err, unix.ENOENT) {
			panic(fmt.Sprintf("powerfailure: a sync cannot return: %v", err))
		}
	}
}

func ioctl(fd int, request uint, arg unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(request), uintptr(arg)); errno != 0 {
		return errno
	}
	return nil
}
