package tenant

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/internal/cache"
	"github.com/blockforger/eventrouter/tenant/diag"
)

// A listing is the list of a tenant's files at one time. One listing shows for all files
// of a tenant whether they have changed.
type listing struct {
	at    time.Time
	files []listedFile // sorted by name
}

type listedFile struct {
	name string // within the tenant's folder
	etag blob.ETag
}

// maxListing is the number of files of a tenant beyond which each is checked alone.
const maxListing = 1000

// confirmed renews the result of a file that has not changed, as the listing of the
// tenant's files says. It returns false if the file must be read: it has changed, was
// never read, has a problem, or cannot be listed.
func confirmed[T any](ctx context.Context, d *Catalog, t events.TenantID, name string, was cache.Loaded[loadedFile[T]]) (cache.Loaded[loadedFile[T]], bool) {
	s := was.Value
	if !s.hasActive || s.pending || s.refused != (diag.Diagnostic{}) || s.reported != "" || was.Err != nil {
		return was, false
	}
	list, err := d.folders.Get(ctx, t, func(ctx context.Context, old cache.Loaded[*listing]) cache.Loaded[*listing] {
		return d.list(ctx, t)
	})
	if err != nil || list == nil || !list.at.After(s.checked) || list.etag(name) != s.etag {
		return was, false
	}
	s.checked = list.at
	was.Value, was.Until = s, list.at.Add(d.files.positive)
	return was, true
}

// list lists the files of a tenant.
func (d *Catalog) list(ctx context.Context, t events.TenantID) cache.Loaded[*listing] {
	asked := d.files.clock()
	until := asked.Add(d.files.positive)
	folder := d.prefix + string(t) + "/"
	infos, err := d.files.bucket.List(ctx, folder, "", maxListing)
	switch {
	case err != nil && ctx.Err() != nil:
		return cache.Loaded[*listing]{Err: err}
	case err != nil || len(infos) == maxListing:
		// Each file is read for itself; whether listing works is tested again later.
		return cache.Loaded[*listing]{Err: err, Until: until}
	}
	l := &listing{at: asked, files: make([]listedFile, 0, len(infos))}
	weight := weightOfFile
	for _, info := range infos {
		name := strings.Clone(strings.TrimPrefix(info.Key, folder))
		l.files = append(l.files, listedFile{name, info.ETag})
		weight += 48 + len(name) + len(info.ETag)
	}
	return cache.Loaded[*listing]{Value: l, Until: until, Weight: weight}
}

// etag returns the ETag of a file, "" if it is not listed.
func (l *listing) etag(name string) blob.ETag {
	i, found := slices.BinarySearchFunc(l.files, name, func(f listedFile, name string) int { return strings.Compare(f.name, name) })
	if !found {
		return ""
	}
	return l.files[i].etag
}
