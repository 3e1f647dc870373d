// Package typegen writes Go types for the events that schemas describe: one
// file a schema, and one map of them all for [typed.NewRegistry].
//
// What it writes is a function of the schemas and of the names already taken in
// the folder: the same input gives the same bytes. Files that it did not write
// are read for the names that they take, and otherwise left alone.
//
// # Types
//
// A member that the schema requires has its plain type, a nullable one is an
// [events.Nullable], and an optional one a pointer, or a slice or map that is
// nil. Integers are int64 and numbers an [events.Number], which loses no digit;
// a date-time is an [events.Timestamp], since senders write what they like. What
// has no one type is a jsontext.Value. Every struct keeps unknown members, so
// that an event survives decoding and encoding.
//
// A part that cannot be a Go type (a reference that leads nowhere or back to
// itself, a member that no struct tag can name) stays raw and is reported; the
// rest of the schema and all others are written.
package typegen
