package functions

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	maxUnpacked = 250 << 20 // bytes of all files
	maxFiles    = 10_000
)

// unpack writes the files of a zip file below dir and returns the folder's name. The
// name is a hash, so that no part of a request is part of the path.
func unpack(dir, function string, code []byte) (folder string, err error) {
	archive, err := zip.NewReader(bytes.NewReader(code), int64(len(code)))
	if err != nil {
		return "", invalidValue("%s", errZip)
	}
	if err := checkFiles(archive.File); err != nil {
		return "", err
	}
	sum := sha256.Sum256(append([]byte(function+"\x00"), code...))
	folder = hex.EncodeToString(sum[:16])
	if _, err := os.Stat(filepath.Join(dir, folder)); err == nil {
		return folder, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	temporary, err := os.MkdirTemp(dir, "new-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(temporary) }()
	left := int64(maxUnpacked)
	for _, file := range archive.File {
		n, err := unpackFile(temporary, file, left)
		if err != nil {
			return "", err
		}
		left -= n
	}
	return folder, os.Rename(temporary, filepath.Join(dir, folder))
}

// checkFiles rejects archives that would write outside their folder, or that have no
// program.
func checkFiles(files []*zip.File) error {
	if len(files) > maxFiles {
		return invalidValue("The zip file has more than %d files.", maxFiles)
	}
	program := false
	for _, file := range files {
		mode := file.Mode()
		switch {
		case !filepath.IsLocal(filepath.FromSlash(file.Name)) || strings.ContainsAny(file.Name, "\\\x00"):
			return invalidValue("The zip file has a file whose name leads out of its folder.")
		case !mode.IsRegular() && !mode.IsDir():
			return invalidValue("The zip file has a link or a special file.")
		case file.Name == "bootstrap" && mode.IsRegular():
			program = true
		}
	}
	if !program {
		return invalidValue("The zip file has no file bootstrap in its root.")
	}
	return nil
}

// unpackFile writes one file and returns its size.
func unpackFile(dir string, file *zip.File, left int64) (n int64, err error) {
	path := filepath.Join(dir, filepath.FromSlash(file.Name))
	if file.Mode().IsDir() {
		return 0, os.MkdirAll(path, 0o700)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return 0, invalidValue("%s", errZip)
	}
	content, err := file.Open()
	if err != nil {
		return 0, invalidValue("%s", errZip)
	}
	defer func() { _ = content.Close() }()
	perm := fs.FileMode(0o600)
	if file.Mode().Perm()&0o111 != 0 || file.Name == "bootstrap" {
		perm = 0o700
	}
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return 0, invalidValue("%s", errZip) // two files of one name
	}
	n, err = io.Copy(out, io.LimitReader(content, left+1))
	if err := errors.Join(err, out.Close()); err != nil {
		return n, invalidValue("%s", errZip)
	}
	if n > left {
		return n, invalidValue("Unzipped size must be smaller than %d bytes", maxUnpacked)
	}
	return n, nil
}

// removeCode removes the files of a function.
func (s *Service) removeCode(folder string) {
	if err := os.RemoveAll(filepath.Join(s.opts.CodeDir, folder)); err != nil {
		s.opts.Log.Warn("the files of a function cannot be removed", "folder", folder, "error", err)
	}
}
