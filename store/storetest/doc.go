// Package storetest is the contract of package store in code. Every driver runs
// it, and `go test -v` lists each driver with each promise by name:
//
//	func TestDriver(t *testing.T) { storetest.Run(t, harness) }
//	func TestKeys(t *testing.T)   { storetest.RunKeys(t, openKeys) }
//	func BenchmarkDriver(b *testing.B) { storetest.Bench(b, open) }
//
// Two environment variables steer the random history: STORETEST_OPS, how many
// operations it has, and STORETEST_SEED.
package storetest
