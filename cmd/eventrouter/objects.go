package main

import (
	"context"
	"path/filepath"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/internal/durable"
)

// recordsFolder is the folder of the objects, in the data folder.
const recordsFolder = "records"

// checkNoObjects returns an error if the data folder holds objects: without their
// ledger it is not known which of them are records, and which idempotency keys
// have been used.
func checkNoObjects(data string) error {
	objects, err := blob.OpenDir(filepath.Join(data, recordsFolder))
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	defer objects.Close()
	found, err := objects.List(context.Background(), "", "", 1)
	if err != nil {
		return err
	}
	if len(found) > 0 {
		return fault.Errorf(fault.Invalid, "damaged: %s: it is missing, and %s holds the objects of its records; restore a backup, or start with a new ledger by --new-ledger",
			filepath.Join(data, ledgerFile), filepath.Join(data, recordsFolder))
	}
	return nil
}

// openObjects opens the bucket of the objects of records, in the data folder.
// Their names are those that they have in S3's bucket: data/{tenant}/...
func openObjects(data string) (*blob.Dir, error) {
	path := filepath.Join(data, recordsFolder)
	if err := durable.MkdirAll(path, 0o700); err != nil {
		return nil, fileError("--data", err)
	}
	return blob.OpenDir(path)
}
