package boltdb_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/boltdb"
)

// filled returns the content of a file with branches, leaves, pages that overflow,
// nested buckets, inline buckets and free pages.
func filled(t *testing.T) []byte {
	t.Helper()
	path := temp(t)
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{FreelistType: bbolt.FreelistMapType})
	if err != nil {
		t.Fatal(err)
	}
	for round := range 3 {
		err := db.Update(func(tx *bbolt.Tx) error {
			for _, name := range []string{"many", "large"} {
				b, err := tx.CreateBucketIfNotExists([]byte(name))
				if err != nil {
					return err
				}
				small, err := b.CreateBucketIfNotExists([]byte("inline"))
				if err != nil {
					return err
				}
				if err := small.Put([]byte("k"), []byte("v")); err != nil {
					return err
				}
			}
			for i := range 2000 {
				if err := tx.Bucket([]byte("many")).Put(fmt.Appendf(nil, "key%06d", i), fmt.Appendf(nil, "value%d", round)); err != nil {
					return err
				}
			}
			for i := range 5 {
				if err := tx.Bucket([]byte("large")).Put(fmt.Appendf(nil, "key%d", i+round), make([]byte, 20_000)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte("large")).Delete([]byte("key0")) }); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// TestDamagedFileIsReported checks that the error names the file, and that the file
// is unchanged.
func TestDamagedFileIsReported(t *testing.T) {
	whole := filled(t)
	page := os.Getpagesize()
	for name, c := range map[string]struct {
		content []byte
		reason  string
	}{
		"empty":              {nil, "it is empty"},
		"text":               {[]byte("not a database\n"), "it is not a data file"},
		"zeros":              {make([]byte, len(whole)), "it is not a data file"},
		"only a meta page":   {whole[:page], "it is truncated"},
		"half":               {whole[:len(whole)/2], "it is truncated"},
		"pages of zeros":     {append(bytes.Clone(whole[:2*page]), make([]byte, len(whole)-2*page)...), "page "},
		"pages of 0xff":      {append(bytes.Clone(whole[:2*page]), bytes.Repeat([]byte{0xff}, len(whole)-2*page)...), "page "},
		"both meta pages":    {append(make([]byte, 2*page), whole[2*page:]...), "it is not a data file"},
		"shifted by one":     {append([]byte{0}, whole...), "it is not a data file"},
		"shifted by a page":  {append(bytes.Clone(whole[:2*page]), whole[page:]...), "page "},
		"not even one page":  {whole[:100], "it is"},
		"one byte too short": {whole[:lastUsed(t, whole)-1], "it is truncated"},
	} {
		t.Run(name, func(t *testing.T) {
			path := temp(t)
			if err := os.WriteFile(path, c.content, 0o600); err != nil {
				t.Fatal(err)
			}
			db, err := boltdb.Open(path, nil)
			if err == nil {
				_ = db.Close()
				t.Fatal("opened")
			}
			text := fault.MessageOf(err)
			if !strings.HasPrefix(text, "damaged: "+path+": "+c.reason) || !strings.HasSuffix(text, "; restore a backup") || strings.Contains(text, "\n") {
				t.Errorf("%v", err)
			}
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, c.content) {
				t.Errorf("the file was changed: %v", err)
			}
			if _, err := os.Stat(path + ".pid"); err == nil {
				t.Error("the file's .pid was written")
			}
		})
	}
}

// lastUsed returns the length up to the high-water mark, which both meta pages name.
func lastUsed(t *testing.T, content []byte) int {
	t.Helper()
	path := temp(t)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var size int64
	if err := db.View(func(tx *bbolt.Tx) error { size = tx.Size(); return nil }); err != nil {
		t.Fatal(err)
	}
	return int(size)
}

const damageSeeds = "EVENTROUTER_TEST_DAMAGE"

// TestDamageNeverCrashes overwrites random parts of a file and opens it, in a
// separate process: a file that is not reported as damaged can be read completely.
func TestDamageNeverCrashes(t *testing.T) {
	if os.Getenv(damageSeeds) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestDamageNeverCrashes$")
		cmd.Env = append(os.Environ(), damageSeeds+"=300")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	rounds, err := strconv.Atoi(os.Getenv(damageSeeds))
	if err != nil {
		t.Fatal(err)
	}
	whole, path, reported := filled(t), temp(t), 0
	for seed := range rounds {
		random := rand.New(rand.NewPCG(uint64(seed), 1))
		content := bytes.Clone(whole)
		for range 1 + random.IntN(4) { // page headers and element headers, mostly
			at := random.IntN(len(content)/4096)*4096 + random.IntN(1+random.IntN(400))
			content[at] ^= byte(1 + random.IntN(255))
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		db, err := boltdb.Open(path, nil)
		if err != nil {
			if reported++; !strings.HasPrefix(fault.MessageOf(err), "damaged: ") {
				t.Errorf("seed %d: %v", seed, err)
			}
			continue
		}
		err = db.View(func(tx *boltdb.Tx) (err error) {
			for _, name := range tx.Names() {
				err = errors.Join(err, tx.Bucket([]byte(name)).ForEach(func(_, _ []byte) error { return nil }))
			}
			return err
		})
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		if err := db.Close(); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
	if reported == 0 || reported == rounds {
		t.Errorf("%d of %d were reported", reported, rounds)
	}
}

// TestCreationIsAtomic checks that processes can create the file at the same time,
// and that only the file remains.
func TestCreationIsAtomic(t *testing.T) {
	dir := t.TempDir()
	many(8, func(int) {
		db, err := boltdb.Open(dir+"/x.db", nil)
		if err == nil {
			err = db.Close()
		}
		if err != nil && !fault.Is(err, fault.Unavailable) {
			t.Error(err)
		}
	})
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}

// TestLargeFileIsCheckedInTheBackground: of a large file, Open reads all pages but the
// leaves of buckets. A damaged leaf makes the file unusable as soon as it is found.
func TestLargeFileIsCheckedInTheBackground(t *testing.T) {
	content := filled(t)
	boltdb.SetEagerSize(t, 1)
	const pageSize = 4096
	branch, leaf := 0, 0 // of a bucket, in use
	for at := 3 * pageSize; at < len(content); at += pageSize {
		changed := bytes.Clone(content)
		changed[at] ^= 0xff // the number of the page
		path := temp(t)
		if err := os.WriteFile(path, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := boltdb.Open(path, nil); err != nil && binary.NativeEndian.Uint16(content[at+8:]) == 1 {
			branch = at
			leaf = pageSize * int(binary.NativeEndian.Uint64(content[at+24:])) // its first child
			break
		}
	}
	if branch == 0 || leaf == 0 {
		t.Fatal("no branch is in use")
	}
	damage := func(at int) string {
		changed := bytes.Clone(content)
		changed[at+10] ^= 0xff // the number of elements
		changed[at+11] ^= 0xff
		path := temp(t)
		if err := os.WriteFile(path, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	path := damage(branch)
	if _, err := boltdb.Open(path, nil); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "damaged: "+path+": page ") {
		t.Errorf("a branch: %v", err)
	}
	path = damage(leaf)
	db := open(t, path, nil)
	want := fmt.Sprintf("damaged: %s: page ", path)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		err := db.View(func(*boltdb.Tx) error { return nil })
		if err != nil && strings.Contains(err.Error(), want) && strings.Contains(err.Error(), fmt.Sprint("page ", leaf/pageSize)) {
			break
		}
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("a leaf: %v, want %q", err, want)
		}
	}
	if err := db.Update(t.Context(), put("k", "v")); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("an update of a damaged file: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}

	path = temp(t)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 20 { // closed at any moment of the check
		db := open(t, path, &boltdb.Options{LogSize: 1})
		update(t, db, put("k", "v"))
		update(t, db, put("k", "w"))
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
