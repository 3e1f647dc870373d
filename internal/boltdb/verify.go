package boltdb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"

	"github.com/blockforger/eventrouter/fault"
)

// bbolt maps the file into memory and trusts it: a damaged page ends the process
// with a panic or a memory fault. The functions here read the file with ordinary
// reads and check every page that bbolt would follow, so that damage is reported.

// Damaged returns the error for a data file that cannot be used: reason says what
// is wrong with it.
func Damaged(path, reason string, args ...any) error {
	return fault.Errorf(fault.Invalid, "damaged: %s: %s; restore a backup", path, fmt.Sprintf(reason, args...))
}

// Sizes and flags of bbolt's file format, version 2.
const (
	pageHeader    = 16 // id, flags, count, overflow
	elementHeader = 16
	bucketHeader  = 16 // root, sequence
	metaSize      = 64

	branchPage   = 0x01
	leafPage     = 0x02
	freelistPage = 0x10
	bucketLeaf   = 0x01

	metaMagic   = 0xED0CDAED
	metaVersion = 2
	noFreelist  = ^uint64(0)
)

var order = binary.NativeEndian

type meta struct {
	pageSize                    int64
	root, freelist, pages, txid uint64
}

// A verifier checks one file.
type verifier struct {
	file io.ReaderAt
	meta
	seen       map[uint64]bool // the pages that are in use
	skipLeaves bool            // leaves are not read, except those of the root
	stop       <-chan struct{} // ends the check; may be nil
}

var errStopped = errors.New("the check was stopped")

// verify checks the structure of the file: that it is as long as its newest meta
// page says, and that the tree of each bucket and the list of free pages are
// well-formed. It returns what is wrong as an error without the file's name. It
// reads every page that is in use, or, if the file is larger than eager, all but
// the leaves; then the meta page is returned for [verifyLeaves]. Values are not
// checked.
func verify(file *os.File, eager int64) (rest *meta, err error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	v := &verifier{file: file, seen: map[uint64]bool{}, skipLeaves: info.Size() > eager}
	if v.meta, err = readMeta(file, info.Size()); err != nil {
		return nil, err
	}
	if want := int64(v.pages) * v.pageSize; info.Size() < want {
		return nil, fmt.Errorf("it is truncated: %d bytes of at least %d", info.Size(), want)
	}
	if err := v.all(); err != nil || !v.skipLeaves {
		return nil, err
	}
	return &v.meta, nil
}

// verifyLeaves is verify for all pages of an earlier state of the file, which no commit
// must have reused. It returns errStopped if stop is closed.
func verifyLeaves(path string, m meta, stop <-chan struct{}) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	return (&verifier{file: file, meta: m, seen: map[uint64]bool{}, stop: stop}).all()
}

func (v *verifier) all() error {
	if err := v.tree(v.root, nil, true); err != nil {
		return err
	}
	return v.free()
}

// readMeta returns the newest of the two meta pages that is undamaged.
func readMeta(file io.ReaderAt, size int64) (newest meta, err error) {
	found := false
	try := func(offset int64) {
		var b [pageHeader + metaSize]byte
		if _, err := file.ReadAt(b[:], offset); err != nil {
			return
		}
		m, ok := parseMeta(b[pageHeader:])
		if ok && (!found || m.txid > newest.txid) {
			newest, found = m, true
		}
	}
	try(0)
	if found {
		try(newest.pageSize)
	}
	for pageSize := int64(1 << 10); !found && pageSize <= 1<<24 && pageSize < size; pageSize <<= 1 {
		try(pageSize)
	}
	if !found {
		return meta{}, fmt.Errorf("it is not a data file, or both of its meta pages are damaged")
	}
	return newest, nil
}

func parseMeta(b []byte) (meta, bool) {
	sum := fnv.New64a()
	_, _ = sum.Write(b[:56])
	m := meta{pageSize: int64(order.Uint32(b[8:])), root: order.Uint64(b[16:]),
		freelist: order.Uint64(b[32:]), pages: order.Uint64(b[40:]), txid: order.Uint64(b[48:])}
	ok := order.Uint32(b) == metaMagic && order.Uint32(b[4:]) == metaVersion && order.Uint64(b[56:]) == sum.Sum64() &&
		m.pageSize >= 1<<10 && m.pages < 1<<40
	return m, ok
}

// page reads a page with its overflow pages and marks it as in use.
func (v *verifier) page(id uint64) (data []byte, err error) {
	select {
	case <-v.stop:
		return nil, errStopped
	default:
	}
	if id < 2 || id >= v.pages {
		return nil, fmt.Errorf("page %d does not exist", id)
	}
	header := make([]byte, pageHeader)
	if _, err := v.file.ReadAt(header, int64(id)*v.pageSize); err != nil {
		return nil, fmt.Errorf("page %d cannot be read: %w", id, err)
	}
	last := id + uint64(order.Uint32(header[12:]))
	if order.Uint64(header) != id || last >= v.pages {
		return nil, fmt.Errorf("page %d is damaged", id)
	}
	for i := id; i <= last; i++ {
		if v.seen[i] {
			return nil, fmt.Errorf("page %d is used twice", i)
		}
		v.seen[i] = true
	}
	data = make([]byte, int64(last-id+1)*v.pageSize)
	if _, err := v.file.ReadAt(data, int64(id)*v.pageSize); err != nil {
		return nil, fmt.Errorf("page %d cannot be read: %w", id, err)
	}
	return data, nil
}

// tree checks the pages of a bucket. The root holds only buckets.
func (v *verifier) tree(root uint64, from []byte, isRoot bool) error {
	levels := 0 // that are read
	if v.skipLeaves && !isRoot {
		levels = max(1, v.height(root)-1)
	}
	return v.subtree(root, from, isRoot, levels)
}

// height returns the number of levels of a tree, all leaves of which are on the last
// one. It stops at a page that is invalid; the check reports that page.
func (v *verifier) height(id uint64) int {
	const most = 40
	for n := 1; n < most; n++ {
		page := make([]byte, pageHeader+elementHeader)
		if id < 2 || id >= v.pages {
			return n
		}
		if _, err := v.file.ReadAt(page, int64(id)*v.pageSize); err != nil || order.Uint16(page[8:]) != branchPage {
			return n
		}
		id = order.Uint64(page[pageHeader+8:])
	}
	return most
}

// subtree checks a page of a bucket and the pages below it, in all as many levels as
// are given, 0 for all. Its keys must not be less than from.
func (v *verifier) subtree(id uint64, from []byte, isRoot bool, levels int) error {
	data, err := v.page(id)
	if err != nil {
		return err
	}
	if err := v.elements(data, from, isRoot, levels); err != nil {
		if errors.Is(err, errStopped) {
			return err
		}
		return fmt.Errorf("page %d is damaged: %w", id, err)
	}
	return nil
}

// elements checks a branch or a leaf and what is below it, see subtree.
func (v *verifier) elements(data, from []byte, isRoot bool, levels int) error {
	flags, count := order.Uint16(data[8:]), int(order.Uint16(data[10:]))
	if flags != branchPage && flags != leafPage || flags == branchPage && count == 0 {
		return fmt.Errorf("its type is %#x", flags)
	}
	before := from
	for i := range count {
		at := pageHeader + i*elementHeader
		if at+elementHeader > len(data) {
			return fmt.Errorf("it has %d elements", count)
		}
		e := data[at : at+elementHeader]
		position, keySize, valueSize := order.Uint32(e[4:]), order.Uint32(e[8:]), order.Uint32(e[12:])
		if flags == branchPage {
			position, keySize, valueSize = order.Uint32(e), order.Uint32(e[4:]), 0
		}
		start := uint64(at) + uint64(position)
		end := start + uint64(keySize) + uint64(valueSize)
		if end > uint64(len(data)) {
			return fmt.Errorf("element %d is outside", i)
		}
		key, value := data[start:start+uint64(keySize)], data[start+uint64(keySize):end]
		if order := bytes.Compare(before, key); order > 0 || order == 0 && i > 0 {
			return fmt.Errorf("element %d is out of order", i)
		}
		before = key
		var err error
		switch {
		case flags == branchPage && levels != 1:
			err = v.subtree(order.Uint64(e[8:]), key, isRoot, max(0, levels-1))
		case flags == branchPage:
			if id := order.Uint64(e[8:]); id < 2 || id >= v.pages {
				err = fmt.Errorf("page %d does not exist", id)
			}
		case order.Uint32(e) == bucketLeaf:
			err = v.bucket(value)
		case order.Uint32(e) != 0 || isRoot:
			err = fmt.Errorf("element %d has the wrong type", i)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// bucket checks the bucket whose header is an element's value: a small one is
// part of the value.
func (v *verifier) bucket(value []byte) error {
	if len(value) < bucketHeader {
		return fmt.Errorf("a bucket has no header")
	}
	if root := order.Uint64(value); root != 0 {
		return v.tree(root, nil, false)
	}
	if inline := value[bucketHeader:]; len(inline) >= pageHeader {
		return v.elements(inline, nil, false, 0)
	}
	return fmt.Errorf("a bucket has no page")
}

// free checks the list of free pages.
func (v *verifier) free() error {
	if v.freelist == noFreelist {
		return nil
	}
	data, err := v.page(v.freelist)
	if err != nil {
		return fmt.Errorf("free list: %w", err)
	}
	flags, count, ids := order.Uint16(data[8:]), uint64(order.Uint16(data[10:])), data[pageHeader:]
	if count == 0xFFFF { // then the first number is the count
		count, ids = order.Uint64(ids), ids[8:]
	}
	if flags != freelistPage || count > uint64(len(ids)/8) {
		return fmt.Errorf("free list: page %d is damaged", v.freelist)
	}
	for i := range count {
		id := order.Uint64(ids[8*i:])
		if id < 2 || id >= v.pages || v.seen[id] {
			return fmt.Errorf("free list: page %d is not free", id)
		}
		v.seen[id] = true
	}
	return nil
}
