// Package powerfailure tests that acknowledged data survives a power failure.
//
//	powerfailure.Run(t, func(d *powerfailure.Disk) {
//		// Write files below d.Dir, and after each write that must survive:
//		d.Acknowledge()
//		// At the end, for every point at which the power may fail:
//		d.Check(func(t testing.TB, dir string, acknowledged int) { ... })
//	})
//
// The kernel reports every fsync and fdatasync of the test's process to this
// package (seccomp user notification), also those of libraries such as bbolt that
// cannot be given another file system. At each of them the content of the file,
// or the names in the directory, is recorded as durable. A power failure keeps
// what is durable and discards the rest: file contents, and creations, renames and
// removals in a directory that was not synced afterwards. Since a disk may also
// write earlier than it must, two more kinds of states are checked at each sync:
// all names and no unsynced content, and any part of the sectors that are being
// synced.
//
// It runs on Linux 5.7 and later; elsewhere its users have no test.
package powerfailure
