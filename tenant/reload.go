package tenant

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/internal/cache"
	"github.com/blockforger/eventrouter/tenant/diag"
)

// A loadedFile is a file as the directory knows it: the version in force, and what
// was found wrong with a later one.
type loadedFile[T any] struct {
	active T
	good   bool      // there is a version in force
	etag   blob.ETag // of the version read last, in force or not

	// candidate is a version that is well formed but was not let into force.
	candidate T
	pending   bool

	refused  diag.Diagnostic // why the version read last is not in force
	reported string          // the trouble that was reported last
}

// A fileReader brings sources up to date with their files.
type fileReader struct {
	bucket             blob.Bucket
	report             func(diag.Diagnostic)
	clock              func() time.Time
	positive, negative time.Duration
}

// update reads the file again. parse answers nil findings that refuse where the
// version is good; admit, which may be nil, decides whether it comes into force.
func update[T any](ctx context.Context, r *fileReader, key string, was cache.Loaded[loadedFile[T]],
	parse func(data []byte) (T, []diag.Diagnostic), admit func(now, next loadedFile[T]) error) cache.Loaded[loadedFile[T]] {

	asked := r.clock()
	soon := func(s loadedFile[T], err error) cache.Loaded[loadedFile[T]] {
		return cache.Loaded[loadedFile[T]]{Value: s, Err: err, Absent: !s.good, Until: asked.Add(r.negative)}
	}
	s := was.Value
	o, err := r.bucket.Get(ctx, key, s.etag)
	switch {
	case errors.Is(err, blob.ErrNotModified):
	case err == nil:
		next, findings := parse(o.Data)
		s.etag, s.refused, s.pending = o.ETag, diag.Diagnostic{}, false
		if f, refused := diag.FirstFatal(findings); refused {
			s.refused = f
		} else {
			s.candidate, s.pending = next, true
		}
		r.reportAll(findings, s.good)
	case fault.Is(err, fault.NotFound):
		return soon(loadedFile[T]{}, err)
	case ctx.Err() != nil:
		// The caller gave up, which tells nothing of the file: the next one asks.
		return cache.Loaded[loadedFile[T]]{Value: s, Err: context.Cause(ctx), Absent: !s.good}
	default:
		r.reportOnce(&s.reported, diag.Diagnostic{File: key, Severity: diag.SeverityError,
			Message: "cannot be read: " + err.Error() + stillActive(s.good)})
		return soon(s, unusable(s.good, fmt.Errorf("%s: %w", key, err)))
	}
	if s.pending {
		next := s
		next.active, next.good, next.pending = s.candidate, true, false
		if err := admitted(admit, s, next); err != nil {
			r.reportOnce(&s.reported, diag.Diagnostic{File: key, Severity: diag.SeverityError,
				Message: "is not put into force: " + err.Error() + stillActive(s.good)})
			return soon(s, unusable(s.good, fmt.Errorf("%s: %w", key, err)))
		}
		s = next
	}
	s.reported = ""
	if !s.good {
		return soon(s, unusable(s.good, errors.New(s.refused.String())))
	}
	return cache.Loaded[loadedFile[T]]{Value: s, Until: asked.Add(r.positive)}
}

// unusable is the fault of a file that has no version in force. It is
// Unavailable, not a rejection: an event that meets it is tried again and then
// kept as a dead letter, where a rejection would lose it to a slip in a file.
func unusable(good bool, reason error) error {
	if good {
		return nil
	}
	return &fault.Error{Code: fault.Unavailable, Op: "tenant.Directory", Err: reason}
}

func admitted[T any](admit func(now, next loadedFile[T]) error, now, next loadedFile[T]) error {
	if admit == nil {
		return nil
	}
	return admit(now, next)
}

func stillActive(good bool) string {
	if good {
		return "; the last good version stays in force"
	}
	return "; there is no earlier version, so nothing is accepted"
}

// reportAll reports the findings of one version.
func (r *fileReader) reportAll(findings []diag.Diagnostic, good bool) {
	for _, f := range diag.Sort(findings) {
		if f.Fatal {
			f.Message += stillActive(good)
		}
		r.report(f)
	}
}

// reportOnce reports trouble that lasts, when it begins or changes.
func (r *fileReader) reportOnce(last *string, f diag.Diagnostic) {
	if text := f.String(); text != *last {
		*last = text
		r.report(f)
	}
}
