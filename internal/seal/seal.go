// Package seal encrypts values on a local disk: it seals them with AES-256-GCM and
// a key in a file of mode 0600 beside the data. It protects a data file that is
// copied, backed up or searched without the key file.
//
// A sealed value is nonce (12 bytes), ciphertext, tag (16 bytes). Nonces are
// random, which is sound for 2^32 values under one key.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/durable"
)

// FileName is the key file's name within its folder: 64 hex digits and a newline.
const FileName = "seal.key"

// Overhead is the number of bytes by which a sealed value is longer.
const Overhead = 12 + 16

const keySize = 32

// A Key seals and opens values. It is safe for concurrent use. Printing it does not
// show the key.
type Key struct{ aead cipher.AEAD }

// Open reads the key file of a folder. It creates the key file if neither it nor
// dataFile exists, the name of the file in that folder whose values the key seals:
// data is of no use without the key that sealed it, so that a key file that is
// missing beside its data is an error (Invalid), and so is one that holds no key.
// A key file that others may read or write is Denied, with the command that
// corrects its mode.
func Open(dir, dataFile string) (*Key, error) {
	path := filepath.Join(dir, FileName)
	secret, err := read(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(filepath.Join(dir, dataFile)); err == nil {
			return nil, fault.Errorf(fault.Invalid, "damaged: %s: it is missing, and %s cannot be read without it; restore a backup", path, dataFile)
		}
		if err = create(path); err == nil {
			secret, err = read(path)
		}
	}
	if err != nil {
		return nil, fault.Wrap("seal.Open", fault.Internal, err)
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, fault.Wrap("seal.Open", fault.Internal, err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fault.Wrap("seal.Open", fault.Internal, err)
	}
	return &Key{aead}, nil
}

// Seal appends the sealed plaintext to dst. Opening it takes the same
// additional data, which binds the value to where it belongs.
func (k *Key) Seal(dst, plaintext, additional []byte) []byte {
	return k.aead.Seal(dst, nil, plaintext, additional)
}

// Open appends the plaintext to dst. The error is Internal if the value was
// changed, moved, or sealed with another key.
func (k *Key) Open(dst, sealed, additional []byte) ([]byte, error) {
	out, err := k.aead.Open(dst, nil, sealed, additional)
	if err != nil {
		return nil, fault.Errorf(fault.Internal, "a sealed value cannot be opened: it was changed, or sealed with another key")
	}
	return out, nil
}

// String, GoString and Format show nothing of the key.
func (k *Key) String() string             { return "seal.Key" }
func (k *Key) GoString() string           { return "seal.Key" }
func (k *Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("seal.Key")) }

func read(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	switch mode := info.Mode(); {
	case !mode.IsRegular():
		return nil, fault.Errorf(fault.Denied, "key file %s is not a regular file", path)
	case mode.Perm()&0o077 != 0:
		return nil, fault.Errorf(fault.Denied, "key file %s has mode %04o, others may use it; run chmod 600 %s", path, mode.Perm(), path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	secret, err := hex.DecodeString(strings.TrimSuffix(string(text), "\n"))
	if err != nil || len(secret) != keySize {
		return nil, fault.Errorf(fault.Invalid, "damaged: %s: it must hold %d hex digits; restore a backup", path, 2*keySize)
	}
	return secret, nil
}

// create atomically creates the key file; a key that another process has created
// meanwhile remains.
func create(path string) (err error) {
	var secret [keySize]byte
	_, _ = rand.Read(secret[:])                                    // never fails
	f, err := os.CreateTemp(filepath.Dir(path), FileName+".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.WriteString(hex.EncodeToString(secret[:]) + "\n")
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Link(f.Name(), path)
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return durable.SyncDir(filepath.Dir(path)) // data sealed with a lost key is lost too
}
