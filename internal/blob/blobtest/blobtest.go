// Package blobtest tests the contract of [blob.Bucket] with one suite that every
// implementation runs.
//
//	func TestDir(t *testing.T) { blobtest.Run(t, openDir, nil) }
package blobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
)

// Options names the promises that an implementation cannot keep.
type Options struct {
	// NoConditionalDelete leaves out the promises on deletes with a condition.
	NoConditionalDelete bool

	// MergesMetadata leaves out the promise that a put removes the metadata that
	// it does not name.
	MergesMetadata bool

	// ShortNames leaves out keys with elements of more than 255 bytes, which are
	// too long for a file name.
	ShortNames bool

	// DeletesGone leaves out the promise that a conditional delete of a missing
	// object fails.
	DeletesGone bool
}

type promise struct {
	name  string
	check func(*testing.T, blob.Bucket)
}

// Run runs the suite; open returns an empty bucket for each test.
func Run(t *testing.T, open func(t *testing.T) blob.Bucket, o *Options) {
	promises := []promise{
		{"what is put is got", putGet},
		{"what is put last counts", putTwice},
		{"an object that is not there is not found", notFound},
		{"a known version is not read", notModified},
		{"other bytes have another etag", etags},
		{"if-none-match creates only", ifNone},
		{"if-match replaces only what was read", ifMatch},
		{"delete removes", deletes},
		{"a listing is ordered, from a prefix, in pages", list},
		{"odd keys are kept apart", oddKeys},
		{"bad keys are refused", badKeys},
		{"bad metadata is refused", badMetadata},
		{"of rivals for a new object one wins", createRace},
		{"no change is lost between rivals", counterRace},
		{"a reader sees whole objects", wholeObjects},
		{"an ended context ends the call", endedContext},
	}
	if o == nil {
		o = new(Options)
	}
	if !o.MergesMetadata {
		promises = append(promises, promise{"metadata goes with its version", metadataIsRemoved})
	}
	if !o.ShortNames {
		promises = append(promises, promise{"long keys are kept apart", longKeys})
	}
	if !o.NoConditionalDelete && !o.DeletesGone {
		promises = append(promises, promise{"delete with if-match needs what was read", deleteGone})
	}
	if !o.NoConditionalDelete {
		promises = append(promises, promise{"delete with if-match removes only what was read", conditionalDelete})
	}
	for _, p := range promises {
		t.Run(p.name, func(t *testing.T) { p.check(t, open(t)) })
	}
}

func putGet(t *testing.T, b blob.Bucket) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	metadata := map[string]string{"stamp": "01J-x_y", "n2": "{}"}
	for name, data := range map[string][]byte{
		"text.json":   []byte(`{"a": 1}` + "\n"),
		"empty":       {},
		"every-byte":  every,
		"dir/big.bin": bytes.Repeat(every, 4096),
	} {
		etag := put(t, b, name, data, metadata, blob.Condition{})
		o := get(t, b, name)
		if !bytes.Equal(o.Data, data) {
			t.Errorf("%s: got %d other bytes than the %d put", name, len(o.Data), len(data))
		}
		if o.Key != name || o.ETag != etag || o.Size != int64(len(data)) || o.Modified.IsZero() {
			t.Errorf("%s: got %+v, want ETag %s and size %d", name, o.Info, etag, len(data))
		}
		if len(o.Metadata) != 2 || o.Metadata["stamp"] != "01J-x_y" || o.Metadata["n2"] != "{}" {
			t.Errorf("%s: got metadata %v", name, o.Metadata)
		}
	}
}

func putTwice(t *testing.T, b blob.Bucket) {
	put(t, b, "a", []byte("one"), map[string]string{"stamp": "1"}, blob.Condition{})
	put(t, b, "a", []byte("two"), map[string]string{"stamp": "2"}, blob.Condition{})
	if o := get(t, b, "a"); string(o.Data) != "two" || o.Metadata["stamp"] != "2" {
		t.Errorf("got %q %v, want the second", o.Data, o.Metadata)
	}
	// The bytes are the same, so the ETag need not change; the metadata must.
	put(t, b, "a", []byte("two"), map[string]string{"stamp": "3"}, blob.Condition{})
	if o := get(t, b, "a"); o.Metadata["stamp"] != "3" {
		t.Errorf("got metadata %v of the earlier version", o.Metadata)
	}
}

func metadataIsRemoved(t *testing.T, b blob.Bucket) {
	put(t, b, "a", []byte("one"), map[string]string{"stamp": "1"}, blob.Condition{})
	put(t, b, "a", []byte("two"), nil, blob.Condition{})
	if o := get(t, b, "a"); len(o.Metadata) != 0 {
		t.Errorf("got metadata %v of the earlier version", o.Metadata)
	}
}

func notFound(t *testing.T, b blob.Bucket) {
	put(t, b, "dir/a", []byte("x"), nil, blob.Condition{})
	for _, key := range []string{"b", "dir", "dir/b", "dir/a/b"} {
		_, err := b.Get(t.Context(), key, "")
		wantCode(t, "get "+key, err, fault.NotFound)
	}
}

func notModified(t *testing.T, b blob.Bucket) {
	etag := put(t, b, "a", []byte("one"), nil, blob.Condition{})
	if _, err := b.Get(t.Context(), "a", etag); !errors.Is(err, blob.ErrNotModified) {
		t.Errorf("get with the ETag that it has: %v, want ErrNotModified", err)
	}
	put(t, b, "a", []byte("two"), nil, blob.Condition{})
	o, err := b.Get(t.Context(), "a", etag)
	if err != nil || string(o.Data) != "two" {
		t.Errorf("get with an old ETag: %q, %v", o.Data, err)
	}
}

func etags(t *testing.T, b blob.Bucket) {
	seen := make(map[blob.ETag]string)
	for _, data := range []string{"", "a", "b", "ab"} {
		etag := put(t, b, "k", []byte(data), nil, blob.Condition{})
		if other, ok := seen[etag]; ok || etag == "" {
			t.Errorf("%q and %q both have the ETag %s", data, other, etag)
		}
		seen[etag] = data
		listed, err := b.List(t.Context(), "", "", 10)
		if err != nil || len(listed) != 1 || listed[0].ETag != etag {
			t.Errorf("a listing has %+v, %v, want ETag %s", listed, err, etag)
		}
	}
}

func ifNone(t *testing.T, b blob.Bucket) {
	put(t, b, "a", []byte("one"), nil, blob.Condition{IfNone: true})
	_, err := b.Put(t.Context(), "a", []byte("two"), nil, blob.Condition{IfNone: true})
	wantCode(t, "second create", err, fault.Precondition)
	_, err = b.Put(t.Context(), "a", []byte("one"), nil, blob.Condition{IfNone: true})
	wantCode(t, "second create of equal bytes", err, fault.Precondition)
	if o := get(t, b, "a"); string(o.Data) != "one" {
		t.Errorf("got %q after a rejected create", o.Data)
	}
	remove(t, b, "a")
	put(t, b, "a", []byte("three"), nil, blob.Condition{IfNone: true})
}

func ifMatch(t *testing.T, b blob.Bucket) {
	first := put(t, b, "a", []byte("one"), nil, blob.Condition{})
	put(t, b, "a", []byte("two"), nil, blob.Condition{IfMatch: first})
	_, err := b.Put(t.Context(), "a", []byte("three"), nil, blob.Condition{IfMatch: first})
	wantCode(t, "replace with an old ETag", err, fault.Precondition)
	_, err = b.Put(t.Context(), "b", []byte("x"), nil, blob.Condition{IfMatch: first})
	wantCode(t, "replace what is not there", err, fault.Precondition)
	_, err = b.Put(t.Context(), "a", nil, nil, blob.Condition{IfMatch: first, IfNone: true})
	wantCode(t, "two conditions at once", err, fault.Invalid)
	if o := get(t, b, "a"); string(o.Data) != "two" {
		t.Errorf("got %q after rejected replacements", o.Data)
	}
	if _, err = b.Get(t.Context(), "b", ""); !fault.Is(err, fault.NotFound) {
		t.Errorf("a rejected replacement created: %v", err)
	}
}

func deletes(t *testing.T, b blob.Bucket) {
	put(t, b, "dir/a", []byte("x"), map[string]string{"stamp": "1"}, blob.Condition{})
	remove(t, b, "dir/a")
	_, err := b.Get(t.Context(), "dir/a", "")
	wantCode(t, "get what was deleted", err, fault.NotFound)
	remove(t, b, "dir/a")
	remove(t, b, "never/there")
	wantCode(t, "delete if absent", b.Delete(t.Context(), "a", blob.Condition{IfNone: true}), fault.Invalid)
	if listed, err := b.List(t.Context(), "", "", 10); err != nil || len(listed) != 0 {
		t.Errorf("a listing has %v, %v after all was deleted", listed, err)
	}
	put(t, b, "dir/a", []byte("x"), nil, blob.Condition{IfNone: true})
	if o := get(t, b, "dir/a"); len(o.Metadata) != 0 {
		t.Errorf("metadata %v remained after its object", o.Metadata)
	}
}

func conditionalDelete(t *testing.T, b blob.Bucket) {
	first := put(t, b, "a", []byte("one"), nil, blob.Condition{})
	second := put(t, b, "a", []byte("two"), nil, blob.Condition{})
	wantCode(t, "delete with an old ETag", b.Delete(t.Context(), "a", blob.Condition{IfMatch: first}), fault.Precondition)
	if o := get(t, b, "a"); string(o.Data) != "two" {
		t.Errorf("got %q after a rejected delete", o.Data)
	}
	if err := b.Delete(t.Context(), "a", blob.Condition{IfMatch: second}); err != nil {
		t.Errorf("delete with its ETag: %v", err)
	}
}

func deleteGone(t *testing.T, b blob.Bucket) {
	etag := put(t, b, "a", []byte("one"), nil, blob.Condition{})
	remove(t, b, "a")
	wantCode(t, "delete what is gone", b.Delete(t.Context(), "a", blob.Condition{IfMatch: etag}), fault.Precondition)
}

func list(t *testing.T, b blob.Bucket) {
	// "a" itself is not among them: not every bucket can hold both it and "a/1".
	keys := []string{"a!", "a-b", "a.json", "a/1", "a/10", "a/2", "a0", "b/c/d", "b/c/e", "b/cd", "z", "ä"}
	for _, key := range slices.Backward(keys) {
		put(t, b, key, []byte(key), nil, blob.Condition{})
	}
	for _, c := range []struct {
		prefix, after string
		limit         int
		want          []string
	}{
		{"", "", 100, keys},
		{"", "", 3, keys[:3]},
		{"", "", 0, nil},
		{"", "a.json", 2, keys[3:5]},
		{"", "a.jsom", 1, keys[2:3]}, // after need not exist
		{"a/", "", 100, keys[3:6]},
		{"a/1", "", 100, keys[3:5]},
		{"a/", "a/10", 100, keys[5:6]},
		{"b/c", "", 100, keys[7:10]},
		{"b/c/", "", 100, keys[7:9]},
		{"b/", "z", 100, nil},
		{"", "ä", 100, nil},
		{"none/", "", 100, nil},
		{"a/1/", "", 100, nil},
	} {
		listed, err := b.List(t.Context(), c.prefix, c.after, c.limit)
		if err != nil || !slices.Equal(keysOf(listed), c.want) {
			t.Errorf("list %q after %q at most %d: %q, %v, want %q", c.prefix, c.after, c.limit, keysOf(listed), err, c.want)
		}
		for _, info := range listed {
			if info.Size != int64(len(info.Key)) || info.Modified.IsZero() {
				t.Errorf("a listing has %+v", info)
			}
		}
	}
	var paged []string
	for after := ""; ; {
		page, err := b.List(t.Context(), "", after, 5)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		paged = append(paged, keysOf(page)...)
		after = page[len(page)-1].Key
	}
	if !slices.Equal(paged, keys) {
		t.Errorf("all pages: %q, want %q", paged, keys)
	}
}

func oddKeys(t *testing.T, b blob.Bucket) {
	long := strings.Repeat("%C3%A4", 128)
	keysAreSeparate(t, b, []string{
		"data/t/s/%2E%2E.json", "data/t/s/%2e%2e.json", "data/t/s/a b+c&d=e?#.json", "data/t/s/a%20b.json",
		"data/t/s/ü.json", "data/t/s/u\u0308.json", "data/t/s/a~", "data/t/s/" + strings.Repeat("x", 200) + "~",
		"data/t/s/" + long[:200], "data/t/s/" + long[:201],
		"data/" + strings.Repeat("y", 200) + "~z", "data/" + strings.Repeat("x", 200) + ".json",
	})
}

func longKeys(t *testing.T, b blob.Bucket) {
	long := strings.Repeat("%C3%A4", 128) // the longest escape of a record key
	keysAreSeparate(t, b, []string{
		"data/t/s/" + long + ".json", "data/t/s/" + long + "x.json", "data/t/s/" + long[:200], "data/t/s/" + long[:201],
		"data/" + strings.Repeat("d", 300) + "/a", "data/" + strings.Repeat("d", 300) + "b",
		"data/" + strings.Repeat("x", 200) + "~", "data/" + strings.Repeat("x", 300),
	})
}

func keysAreSeparate(t *testing.T, b blob.Bucket, keys []string) {
	t.Helper()
	for _, key := range keys {
		put(t, b, key, []byte(key), map[string]string{"n": strconv.Itoa(len(key))}, blob.Condition{IfNone: true})
	}
	for _, key := range keys {
		if o := get(t, b, key); string(o.Data) != key {
			t.Errorf("%q holds %q", key, o.Data)
		}
	}
	listed, err := b.List(t.Context(), "data/", "", 100)
	want := slices.Sorted(slices.Values(keys))
	if err != nil || !slices.Equal(keysOf(listed), want) {
		t.Errorf("list: %q, %v, want %q", keysOf(listed), err, want)
	}
	for _, key := range keys {
		remove(t, b, key)
	}
	if listed, err := b.List(t.Context(), "", "", 100); err != nil || len(listed) != 0 {
		t.Errorf("left after all was deleted: %q, %v", keysOf(listed), err)
	}
}

func badKeys(t *testing.T, b blob.Bucket) {
	for _, key := range []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/..", "./a", "a/./b", ".a", "a/.a.json.meta", ".lock",
		".tmp-0", "a\x00b", "a\nb", "a\x7fb", `a\b`, `..\a`, "\xff", strings.Repeat("a", 1025),
	} {
		_, err := b.Get(t.Context(), key, "")
		wantCode(t, fmt.Sprintf("get %q", key), err, fault.Invalid)
		_, err = b.Put(t.Context(), key, nil, nil, blob.Condition{})
		wantCode(t, fmt.Sprintf("put %q", key), err, fault.Invalid)
		wantCode(t, fmt.Sprintf("delete %q", key), b.Delete(t.Context(), key, blob.Condition{}), fault.Invalid)
		if key != "" && key != "a/" {
			_, err = b.List(t.Context(), key, "", 1)
			wantCode(t, fmt.Sprintf("list %q", key), err, fault.Invalid)
		}
	}
}

func badMetadata(t *testing.T, b blob.Bucket) {
	for _, m := range []map[string]string{
		{"": "x"}, {"Stamp": "x"}, {"a b": "x"}, {"ä": "x"}, {"a": "x\ny"}, {"a": "ä"}, {"a": " x"}, {"a": strings.Repeat("x", 2048)},
	} {
		_, err := b.Put(t.Context(), "a", nil, m, blob.Condition{})
		wantCode(t, fmt.Sprintf("put with metadata %q", m), err, fault.Invalid)
	}
}

func createRace(t *testing.T, b blob.Bucket) {
	var won, lost atomic.Int32
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			_, err := b.Put(t.Context(), "dir/a", []byte(strconv.Itoa(i)), nil, blob.Condition{IfNone: true})
			switch {
			case err == nil:
				won.Add(1)
			case fault.Is(err, fault.Precondition):
				lost.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || lost.Load() != 15 {
		t.Errorf("%d of 16 creates won and %d lost, want 1 and 15", won.Load(), lost.Load())
	}
}

func counterRace(t *testing.T, b blob.Bucket) {
	const workers, each = 8, 5
	put(t, b, "n", []byte("0"), nil, blob.Condition{})
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for done := 0; done < each; {
				switch err := Increment(t.Context(), b, "n"); {
				case err == nil:
					done++
				case !fault.Is(err, fault.Precondition):
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if got := string(get(t, b, "n").Data); got != strconv.Itoa(workers*each) {
		t.Errorf("the counter is %s after %d increments", got, workers*each)
	}
}

// Increment adds 1 to the number in an object. The error is Precondition if
// another writer changed the object first.
func Increment(ctx context.Context, b blob.Bucket, key string) error {
	o, err := b.Get(ctx, key, "")
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(string(o.Data))
	if err != nil {
		return err
	}
	_, err = b.Put(ctx, key, []byte(strconv.Itoa(n+1)), nil, blob.Condition{IfMatch: o.ETag})
	return err
}

func wholeObjects(t *testing.T, b blob.Bucket) {
	write := func(n int) {
		data := bytes.Repeat([]byte{byte('a' + n%26)}, 1000*(1+n%7))
		put(t, b, "a", data, map[string]string{"first": string(data[:1]), "size": strconv.Itoa(len(data))}, blob.Condition{})
	}
	write(0)
	var done atomic.Bool
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for !done.Load() {
				o, err := b.Get(t.Context(), "a", "")
				if err != nil {
					t.Errorf("get during writes: %v", err)
					return
				}
				if len(bytes.Trim(o.Data, string(o.Data[:1]))) > 0 ||
					o.Metadata["size"] != strconv.Itoa(len(o.Data)) || o.Metadata["first"] != string(o.Data[:1]) {
					t.Errorf("got %d bytes of %.1q with metadata %v", len(o.Data), o.Data, o.Metadata)
					return
				}
			}
		})
	}
	for n := range 60 {
		write(n)
	}
	done.Store(true)
	wg.Wait()
}

func endedContext(t *testing.T, b blob.Bucket) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := b.Put(ctx, "a", nil, nil, blob.Condition{})
	wantCode(t, "put", err, fault.Unavailable)
	_, err = b.Get(ctx, "a", "")
	wantCode(t, "get", err, fault.Unavailable)
	_, err = b.List(ctx, "", "", 1)
	wantCode(t, "list", err, fault.Unavailable)
	wantCode(t, "delete", b.Delete(ctx, "a", blob.Condition{}), fault.Unavailable)
}

func put(t *testing.T, b blob.Bucket, key string, data []byte, metadata map[string]string, c blob.Condition) blob.ETag {
	t.Helper()
	etag, err := b.Put(t.Context(), key, data, metadata, c)
	if err != nil {
		t.Fatalf("put %q: %v", key, err)
	}
	return etag
}

func get(t *testing.T, b blob.Bucket, key string) blob.Object {
	t.Helper()
	o, err := b.Get(t.Context(), key, "")
	if err != nil {
		t.Fatalf("get %q: %v", key, err)
	}
	return o
}

func remove(t *testing.T, b blob.Bucket, key string) {
	t.Helper()
	if err := b.Delete(t.Context(), key, blob.Condition{}); err != nil {
		t.Fatalf("delete %q: %v", key, err)
	}
}

func keysOf(listed []blob.Info) []string {
	var keys []string
	for _, info := range listed {
		keys = append(keys, info.Key)
	}
	return keys
}

func wantCode(t *testing.T, what string, err error, want fault.Code) {
	t.Helper()
	if err == nil || fault.CodeOf(err) != want {
		t.Errorf("%s: %v, want code %s", what, err, want)
	}
}
