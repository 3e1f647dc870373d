package powerfailure

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// A Disk is a directory whose power may fail. It is safe for concurrent use.
type Disk struct {
	Dir string // the directory, empty at first

	t testing.TB

	mu           sync.Mutex
	files        map[inode][]byte           // durable contents
	names        map[inode]map[string]inode // durable names in directories
	acknowledged int
	states       []state
	syncs        []string
}

// An inode identifies a file or directory. Numbers are used again after a
// removal, hence the time of its creation.
type inode struct {
	number  uint64
	created unix.StatxTimestamp
	dir     bool
}

// A state is what a power failure leaves.
type state struct {
	acknowledged int
	description  string
	root         *node
}

type node struct {
	names map[string]*node // of a directory
	data  []byte
}

// newDisk returns a disk in a directory that exists and is empty.
func newDisk(t testing.TB, dir string) *Disk {
	d := &Disk{Dir: dir, t: t, files: map[inode][]byte{}, names: map[inode]map[string]inode{}}
	d.record("the start", d.tree(dir, d.durableNames))
	return d
}

// Acknowledge records that one more write must survive from now on.
func (d *Disk) Acknowledge() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.acknowledged++
	d.record(fmt.Sprintf("write %d was acknowledged", d.acknowledged), d.tree(d.Dir, d.durableNames))
}

// Syncs returns the paths of the files and directories that were synced, in
// order, relative to Dir.
func (d *Disk) Syncs() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.syncs)
}

// Check runs check for each state that a power failure at any point until now may
// have left, with a directory in that state and the number of writes that had been
// acknowledged.
func (d *Disk) Check(check func(t testing.TB, dir string, acknowledged int)) {
	d.t.Helper()
	d.mu.Lock()
	states := slices.Clone(d.states)
	d.mu.Unlock()
	for i, s := range states {
		dir := filepath.Join(d.t.TempDir(), fmt.Sprint(i))
		if err := s.root.write(dir); err != nil {
			d.t.Fatal(err)
		}
		check(stateTB{d.t, fmt.Sprintf("power failure when %s (%d acknowledged): ", s.description, s.acknowledged)}, dir, s.acknowledged)
		if err := os.RemoveAll(dir); err != nil {
			d.t.Fatal(err)
		}
	}
	fmt.Printf("%s%d\n", statesChecked, len(states))
}

// stateTB names the state in what a check reports.
type stateTB struct {
	testing.TB
	state string
}

func (t stateTB) Errorf(format string, args ...any) {
	t.Helper()
	t.TB.Errorf("%s"+format, append([]any{t.state}, args...)...)
}

func (t stateTB) Fatalf(format string, args ...any) {
	t.Helper()
	t.TB.Fatalf("%s"+format, append([]any{t.state}, args...)...)
}

// sync records that what the descriptor refers to becomes durable, and the states
// that a power failure may leave just before.
func (d *Disk) sync(fd int) error {
	link := fmt.Sprintf("/proc/self/fd/%d", fd)
	path, err := os.Readlink(link)
	if err != nil {
		return err
	}
	name, ok := strings.CutPrefix(path+"/", d.Dir+"/")
	if !ok {
		return nil
	}
	name = strings.TrimSuffix(name, "/")
	id, err := inodeOf(link, 0)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.syncs = append(d.syncs, name)
	d.record(fmt.Sprintf("%q was about to be synced, with all names and no unsynced content", name), d.tree(d.Dir, currentNames))
	if id.dir {
		d.names[id] = currentNames(path, id)
		return nil
	}
	data, err := os.ReadFile(link)
	if err != nil {
		return err
	}
	d.recordParts(name, id, data)
	d.files[id] = data
	return nil
}

// recordParts records states in which the disk has written some of a file's
// changed sectors: each of them alone, all but each of them, and each half.
func (d *Disk) recordParts(name string, id inode, next []byte) {
	const most = 16 // sectors of one sync to try
	last, existed := d.files[id]
	changed := changedSectors(last, next)
	step := max(1, len(changed)/most)
	var parts [][]int
	for i := 0; i < len(changed); i += step {
		parts = append(parts, changed[i:i+1], slices.Delete(slices.Clone(changed), i, i+1))
	}
	half := len(changed) / 2
	parts = append(parts, changed[:half], changed[half:])
	for _, sectors := range parts {
		d.files[id] = withSectors(last, next, sectors)
		d.record(fmt.Sprintf("%d of %d changed sectors of %q were written, the first %v", len(sectors), len(changed), name, sectors[:min(1, len(sectors))]),
			d.tree(d.Dir, d.durableNames))
	}
	delete(d.files, id)
	if existed {
		d.files[id] = last
	}
}

const sectorSize = 512

func sector(data []byte, i int) []byte {
	return data[min(len(data), i*sectorSize):min(len(data), (i+1)*sectorSize)]
}

func changedSectors(last, next []byte) []int {
	var changed []int
	for i := 0; i*sectorSize < len(next); i++ {
		if !bytes.Equal(sector(last, i), sector(next, i)) {
			changed = append(changed, i)
		}
	}
	return changed
}

func withSectors(last, next []byte, sectors []int) []byte {
	data := bytes.Clone(last)
	for _, i := range sectors {
		if end := i*sectorSize + len(sector(next, i)); end > len(data) {
			data = append(data, make([]byte, end-len(data))...)
		}
		copy(data[i*sectorSize:], sector(next, i))
	}
	return data
}

// record keeps a state unless it is the last one again.
func (d *Disk) record(description string, root *node) {
	if n := len(d.states); n > 0 && d.states[n-1].acknowledged == d.acknowledged && root.equal(d.states[n-1].root) {
		return
	}
	d.states = append(d.states, state{d.acknowledged, description, root})
}

// tree returns the files below a directory, with the names that the function
// returns for each directory and the durable contents.
func (d *Disk) tree(dir string, names func(path string, id inode) map[string]inode) *node {
	id, err := inodeOf(dir, 0)
	if err != nil {
		d.t.Fatal(err)
	}
	return d.subtree(dir, id, names)
}

func (d *Disk) subtree(path string, id inode, names func(path string, id inode) map[string]inode) *node {
	if !id.dir {
		return &node{data: d.files[id]}
	}
	n := &node{names: map[string]*node{}}
	for name, child := range names(path, id) {
		n.names[name] = d.subtree(filepath.Join(path, name), child, names)
	}
	return n
}

func (d *Disk) durableNames(_ string, id inode) map[string]inode { return d.names[id] }

func currentNames(path string, _ inode) map[string]inode {
	names := map[string]inode{}
	entries, _ := os.ReadDir(path) // another goroutine may have removed it
	for _, e := range entries {
		if id, err := inodeOf(filepath.Join(path, e.Name()), unix.AT_SYMLINK_NOFOLLOW); err == nil {
			names[e.Name()] = id
		}
	}
	return names
}

func inodeOf(path string, flags int) (inode, error) {
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, flags, unix.STATX_TYPE|unix.STATX_INO|unix.STATX_BTIME, &st); err != nil {
		return inode{}, &os.PathError{Op: "statx", Path: path, Err: err}
	}
	return inode{st.Ino, st.Btime, st.Mode&unix.S_IFMT == unix.S_IFDIR}, nil
}

func (n *node) equal(o *node) bool {
	return (n.names == nil) == (o.names == nil) && bytes.Equal(n.data, o.data) && maps.EqualFunc(n.names, o.names, (*node).equal)
}

func (n *node) write(path string) error {
	if n.names == nil {
		return os.WriteFile(path, n.data, 0o600)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		return err
	}
	for name, child := range n.names {
		if err := child.write(filepath.Join(path, name)); err != nil {
			return err
		}
	}
	return nil
}
