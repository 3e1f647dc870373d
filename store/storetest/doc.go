// Package storetest is the contract of package store in code. The tests of every
// driver run it, and `go test -v` lists each driver with each promise by name:
//
//	func TestDriver(t *testing.T) { storetest.Run(t, harness) }
//	func TestKeys(t *testing.T)   { storetest.RunKeys(t, openKeys) }
//	func BenchmarkDriver(b *testing.B) { storetest.Bench(b, open) }
//
// Two environment variables control the random history: STORETEST_OPS is the number
// of its operations, and STORETEST_SEED its seed.
package storetest
