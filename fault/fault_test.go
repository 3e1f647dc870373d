package fault_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/blockforger/eventrouter/fault"
)

func TestInnerCodeRisesThroughWraps(t *testing.T) {
	inner := fault.Errorf(fault.NotFound, "schema %q does not exist", "pets")
	err := fmt.Errorf("loading: %w", fault.Wrap("tenant.Schema", fault.Internal, inner))
	if got := fault.CodeOf(err); got != fault.NotFound {
		t.Errorf("code = %v, want not-found", got)
	}
	if got, want := fault.MessageOf(err), `schema "pets" does not exist`; got != want {
		t.Errorf("message = %q, want %q", got, want)
	}
	if got, want := err.Error(), `loading: tenant.Schema: schema "pets" does not exist`; got != want {
		t.Errorf("text = %q, want %q", got, want)
	}
}

func TestMessageHidesOurOwnFaults(t *testing.T) {
	for _, err := range []error{
		errors.New("dial tcp 10.0.0.1: secret"),
		fault.Wrap("store.Commit", fault.Unavailable, errors.New("secret")),
		fault.Errorf(fault.Internal, "secret"),
	} {
		if got := fault.MessageOf(err); got != "the service could not handle the request now; try again" {
			t.Errorf("MessageOf(%v) = %q", err, got)
		}
	}
}

func TestCodeOf(t *testing.T) {
	for _, c := range []struct {
		err  error
		want fault.Code
	}{
		{nil, 0},
		{errors.New("plain"), fault.Internal},
		{context.DeadlineExceeded, fault.Unavailable},
		{fmt.Errorf("x: %w", context.Canceled), fault.Unavailable},
		{fault.Errorf(fault.Exhausted, "x"), fault.Exhausted},
	} {
		if got := fault.CodeOf(c.err); got != c.want {
			t.Errorf("CodeOf(%v) = %v, want %v", c.err, got, c.want)
		}
		for code := fault.Code(0); code <= fault.Exhausted; code++ {
			if got, want := fault.Is(c.err, code), c.err != nil && code == c.want; got != want {
				t.Errorf("Is(%v, %v) = %v, want %v", c.err, code, got, want)
			}
		}
	}
	if fault.Wrap("op", fault.Internal, nil) != nil {
		t.Error("Wrap of a nil error is not nil")
	}
}

func TestRejection(t *testing.T) {
	for c := fault.Internal; c <= fault.Exhausted; c++ {
		want := c != fault.Internal && c != fault.Unavailable
		if c.Rejection() != want {
			t.Errorf("%v.Rejection() = %v, want %v", c, !want, want)
		}
		if back, ok := fault.ParseCode(c.String()); !ok || back != c {
			t.Errorf("ParseCode(%q) = %v, %v", c.String(), back, ok)
		}
	}
	if fault.IsRejection(nil) {
		t.Error("nil is a rejection")
	}
}

func TestViolationsOf(t *testing.T) {
	inner := &fault.Error{Code: fault.Invalid, Violations: []fault.Violation{{Pointer: "/a", Message: "is missing"}}}
	err := fault.Wrap("router.validate", fault.Internal, inner)
	if got := fault.ViolationsOf(err); len(got) != 1 || got[0].Pointer != "/a" {
		t.Errorf("violations = %v", got)
	}
	if got := fault.ViolationsOf(errors.New("x")); got != nil {
		t.Errorf("violations of a plain error = %v", got)
	}
}

func TestClip(t *testing.T) {
	for _, c := range []struct {
		in   string
		most int
		want string
	}{
		{"", 0, ""}, {"abc", 3, "abc"}, {"abcd", 3, "abc…"}, {"abé", 3, "ab…"}, {"aé", 3, "aé"}, {"x\xffyz", 4, "x\xffyz"}, {"x\xffyz", 3, "xy…"},
	} {
		if got := fault.Clip(c.in, c.most); got != c.want {
			t.Errorf("Clip(%q, %d) = %q, want %q", c.in, c.most, got, c.want)
		}
	}
}
