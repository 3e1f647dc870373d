package seal_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/seal"
)

// dataFile is the name of the file whose values are sealed.
const dataFile = "x.db"

func open(t *testing.T, dir string) *seal.Key {
	t.Helper()
	k, err := seal.Open(dir, dataFile)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSealAndOpen(t *testing.T) {
	dir := t.TempDir()
	plaintext, where := []byte(`{"api_key":"secret"}`), []byte("heads")
	sealed := open(t, dir).Seal([]byte("prefix"), plaintext, where)
	if !bytes.HasPrefix(sealed, []byte("prefix")) || bytes.Contains(sealed, []byte("secret")) {
		t.Fatalf("sealed: %q", sealed)
	}
	if n := len(sealed) - len("prefix") - len(plaintext); n != seal.Overhead {
		t.Errorf("overhead is %d, want %d", n, seal.Overhead)
	}
	got, err := open(t, dir).Open([]byte("> "), sealed[len("prefix"):], where)
	if err != nil || string(got) != "> "+string(plaintext) {
		t.Errorf("opened %q, %v", got, err)
	}
	if again := open(t, dir).Seal(nil, plaintext, where); bytes.Equal(again, sealed[len("prefix"):]) {
		t.Error("the same plaintext is sealed the same way twice")
	}
}

func TestOpenErrors(t *testing.T) {
	k := open(t, t.TempDir())
	sealed := k.Seal(nil, []byte("value"), []byte("here"))
	flipped := bytes.Clone(sealed)
	flipped[len(flipped)/2] ^= 1
	for name, try := range map[string]func() ([]byte, error){
		"changed":     func() ([]byte, error) { return k.Open(nil, flipped, []byte("here")) },
		"moved":       func() ([]byte, error) { return k.Open(nil, sealed, []byte("there")) },
		"cut":         func() ([]byte, error) { return k.Open(nil, sealed[:len(sealed)-1], []byte("here")) },
		"empty":       func() ([]byte, error) { return k.Open(nil, nil, []byte("here")) },
		"another key": func() ([]byte, error) { return open(t, t.TempDir()).Open(nil, sealed, []byte("here")) },
	} {
		if got, err := try(); !fault.Is(err, fault.Internal) || got != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestKeyFile(t *testing.T) {
	dir := t.TempDir()
	k := open(t, dir)
	path := filepath.Join(dir, seal.FileName)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("key file: %v, %v", info.Mode(), err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	secret := strings.TrimSpace(string(text))
	raw, err := hex.DecodeString(secret)
	if err != nil || len(raw) != 32 {
		t.Fatalf("the key has %d bytes, %v", len(raw), err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		if shown := fmt.Sprintf(verb, k); shown != "seal.Key" {
			t.Errorf("%s shows %q", verb, shown)
		}
	}
	if names, _ := filepath.Glob(filepath.Join(dir, "*")); len(names) != 1 {
		t.Errorf("left behind: %v", names)
	}

	for _, mode := range []os.FileMode{0o640, 0o604, 0o660, 0o644} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := seal.Open(dir, dataFile); !fault.Is(err, fault.Denied) || !strings.Contains(err.Error(), "chmod 600 "+path) || strings.Contains(err.Error(), secret) {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
}

func TestInvalidKeyFiles(t *testing.T) {
	for _, text := range []string{"", "x", strings.Repeat("0", 63), strings.Repeat("0", 66), strings.Repeat("g", 64)} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, seal.FileName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := seal.Open(dir, dataFile); !fault.Is(err, fault.Invalid) {
			t.Errorf("key file %q: %v", text, err)
		}
		if got, _ := os.ReadFile(filepath.Join(dir, seal.FileName)); string(got) != text {
			t.Errorf("key file %q was overwritten", text)
		}
	}
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(dir, "elsewhere"), filepath.Join(dir, seal.FileName)); err != nil {
		t.Fatal(err)
	}
	if _, err := seal.Open(dir, dataFile); !fault.Is(err, fault.Denied) {
		t.Errorf("a symbolic link: %v", err)
	}
	if _, err := seal.Open(filepath.Join(dir, "none"), dataFile); err == nil {
		t.Error("a folder that does not exist is not an error")
	}
}

func TestConcurrentOpen(t *testing.T) {
	dir := t.TempDir()
	keys := make([]*seal.Key, 16)
	var group sync.WaitGroup
	for i := range keys {
		group.Go(func() {
			k, err := seal.Open(dir, dataFile)
			if err != nil {
				t.Error(err)
			}
			keys[i] = k
		})
	}
	group.Wait()
	sealed := keys[0].Seal(nil, []byte("v"), nil)
	for i, k := range keys {
		if _, err := k.Open(nil, sealed, nil); err != nil {
			t.Errorf("opener %d has another key", i)
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	k, err := seal.Open(b.TempDir(), dataFile)
	if err != nil {
		b.Fatal(err)
	}
	plaintext, dst := make([]byte, 1024), make([]byte, 0, 2048)
	b.SetBytes(int64(len(plaintext)))
	b.ReportAllocs()
	for b.Loop() {
		dst = k.Seal(dst[:0], plaintext, nil)
	}
}

// TestMissingKeyIsNotReplaced checks that no new key is created beside data, which
// was sealed with the missing key.
func TestMissingKeyIsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, dataFile), []byte("sealed"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := seal.Open(dir, dataFile)
	want := "damaged: " + filepath.Join(dir, seal.FileName) + ": it is missing, and x.db cannot be read without it; restore a backup"
	if fault.MessageOf(err) != want {
		t.Errorf("%v, want %s", err, want)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}
