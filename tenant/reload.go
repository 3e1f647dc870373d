package tenant

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/internal/cache"
	"github.com/blockforger/eventrouter/tenant/diag"
)

// loadedFile is a cached file: its active version, and the problem of a later
// version.
type loadedFile[T any] struct {
	active    T
	hasActive bool      // there is an active version
	etag      blob.ETag // of the version read last, active or not
	size      int       // likewise, in bytes
	checked   time.Time // when the version was known to be the newest

	// candidate is a version that is well formed but has not become active.
	candidate T
	pending   bool

	refused  diag.Diagnostic // why the version read last is not active
	reported string          // the problem that was reported last
	missing  time.Time       // since when the whole folder has been missing; zero: it is not
}

// fileReader reloads files.
type fileReader struct {
	bucket             blob.Bucket
	report             func(diag.Diagnostic)
	clock              func() time.Time
	positive, negative time.Duration
	vanished           time.Duration // see CatalogOptions.Vanished
}

// update reloads the file. parse returns a fatal diagnostic if the version is
// malformed; admit, which may be nil, returns an error if it must not become active.
func update[T any](ctx context.Context, r *fileReader, key string, was cache.Loaded[loadedFile[T]],
	parse func(data []byte) (T, []diag.Diagnostic), admit func(now, next loadedFile[T]) error) cache.Loaded[loadedFile[T]] {

	asked := r.clock()
	soon := func(s loadedFile[T], err error) cache.Loaded[loadedFile[T]] {
		return cache.Loaded[loadedFile[T]]{Value: s, Err: err, Absent: !s.hasActive, Until: asked.Add(r.negative)}
	}
	s := was.Value
	o, err := r.bucket.Get(ctx, key, s.etag)
	switch {
	case errors.Is(err, blob.ErrNotModified):
		s.checked = asked
	case err == nil:
		s.checked, s.size = asked, len(o.Data)
		next, findings := parse(o.Data)
		s.etag, s.refused, s.pending = o.ETag, diag.Diagnostic{}, false
		if f, refused := diag.FirstFatal(findings); refused {
			s.refused = f
		} else {
			s.candidate, s.pending = next, true
		}
		r.reportAll(findings, s.hasActive)
	case fault.Is(err, fault.NotFound):
		if !r.hasVanished(ctx, key, s.hasActive) || !s.missing.IsZero() && asked.Sub(s.missing) >= r.vanished {
			return soon(loadedFile[T]{}, err)
		}
		if s.missing.IsZero() {
			s.missing = asked
		}
		f := diag.Diagnostic{File: key, Severity: diag.SeverityError,
			Message: fmt.Sprintf("the whole folder of the tenant has disappeared: its requests fail and are retried for %v; push it again, or revoke the tenant's keys", r.vanished)}
		r.reportOnce(&s.reported, f)
		return soon(s, unusable(false, errors.New(f.String())))
	case ctx.Err() != nil:
		// The caller gave up, which says nothing about the file: the next caller
		// reads it.
		return cache.Loaded[loadedFile[T]]{Value: s, Err: context.Cause(ctx), Absent: !s.hasActive}
	default:
		r.reportOnce(&s.reported, diag.Diagnostic{File: key, Severity: diag.SeverityError,
			Message: "cannot be read: " + err.Error() + stillActive(s.hasActive)})
		return soon(s, unusable(s.hasActive, fmt.Errorf("%s: %w", key, err)))
	}
	if s.pending {
		next := s
		next.active, next.hasActive, next.pending = s.candidate, true, false
		if err := admitted(admit, s, next); err != nil {
			r.reportOnce(&s.reported, diag.Diagnostic{File: key, Severity: diag.SeverityError,
				Message: "does not become active: " + err.Error() + stillActive(s.hasActive)})
			return soon(s, unusable(s.hasActive, fmt.Errorf("%s: %w", key, err)))
		}
		s = next
	}
	s.reported, s.missing = "", time.Time{}
	if !s.hasActive {
		return soon(s, unusable(s.hasActive, errors.New(s.refused.String())))
	}
	return cache.Loaded[loadedFile[T]]{Value: s, Until: asked.Add(r.positive)}
}

// hasVanished reports whether the file is the properties of a tenant that was active
// and has no other file either. A folder that cannot be listed counts as missing.
func (r *fileReader) hasVanished(ctx context.Context, key string, active bool) bool {
	below, isTenant := strings.CutSuffix(key, propertiesFile)
	if r.vanished <= 0 || !active || !isTenant {
		return false
	}
	rest, err := r.bucket.List(ctx, below, "", 1)
	return err != nil || len(rest) == 0
}

// unusable returns the fault of a file that has no active version; nil if it has one.
// It is Unavailable, not a rejection, so that events are retried and then become
// dead letters: a mistake in a file must not lose them.
func unusable(good bool, reason error) error {
	if good {
		return nil
	}
	return &fault.Error{Code: fault.Unavailable, Op: "tenant.Catalog", Err: reason}
}

func admitted[T any](admit func(now, next loadedFile[T]) error, now, next loadedFile[T]) error {
	if admit == nil {
		return nil
	}
	return admit(now, next)
}

func stillActive(good bool) string {
	if good {
		return "; the last good version stays active"
	}
	return "; there is no earlier version, so requests fail"
}

// reportAll reports the diagnostics of one version.
func (r *fileReader) reportAll(findings []diag.Diagnostic, good bool) {
	for _, f := range diag.Sort(findings) {
		if f.Fatal {
			f.Message += stillActive(good)
		}
		r.report(f)
	}
}

// reportOnce reports a lasting problem when it begins or changes.
func (r *fileReader) reportOnce(last *string, f diag.Diagnostic) {
	if text := f.String(); text != *last {
		*last = text
		r.report(f)
	}
}
