package apikey_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

// storedKeys keeps keys in memory, and fails at will.
type storedKeys struct {
	mu    sync.Mutex
	keys  map[apikey.ID]apikey.Key
	err   error
	reads int
	days  []time.Time // of touches
}

var _ apikey.Store = (*storedKeys)(nil)

func (s *storedKeys) Key(_ context.Context, id apikey.ID) (apikey.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	if s.err != nil {
		return apikey.Key{}, s.err
	}
	k, ok := s.keys[id]
	if !ok {
		return apikey.Key{}, fault.Errorf(fault.NotFound, "no key %s", id)
	}
	return k, nil
}

func (s *storedKeys) PutKey(_ context.Context, k apikey.Key) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	if s.keys == nil {
		s.keys = map[apikey.ID]apikey.Key{}
	}
	s.keys[k.ID] = k
	return nil
}

func (s *storedKeys) TouchKey(_ context.Context, id apikey.ID, day time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.days = append(s.days, day)
	if k, ok := s.keys[id]; ok {
		k.LastUsed = day
		s.keys[id] = k
	}
	return nil
}

func (s *storedKeys) KeysOf(context.Context, events.TenantID) ([]apikey.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.keys)), nil
}

var start = time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)

// newKey makes and stores a key of acme's.
func newKey(t testing.TB, s *storedKeys, expires time.Time, p ...apikey.Permission) (apikey.Key, events.Secret) {
	t.Helper()
	k, secret, err := apikey.New("acme", p, expires, start, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.PutKey(t.Context(), k); err != nil {
		t.Fatal(err)
	}
	return k, secret
}

func TestKeyText(t *testing.T) {
	form := regexp.MustCompile(`^erk_[0-9A-Za-z]{16}_[0-9A-Za-z]{49}$`)
	seen := map[string]bool{}
	for range 200 {
		k, secret := newKey(t, &storedKeys{}, time.Time{}, apikey.BackendCalls)
		text := secret.Reveal()
		if !form.MatchString(text) || seen[text] || seen[string(k.ID)] || strings.Contains(text[len("erk_")+17:], string(k.ID)) {
			t.Fatalf("key %s with text %s", k.ID, text)
		}
		seen[text], seen[string(k.ID)] = true, true
		id, hash, err := apikey.Parse(secret)
		if id != k.ID || hash != k.Hash || hash != sha256.Sum256([]byte(text)) || err != nil {
			t.Fatalf("%s reads as %s, %x, %v", text, id, hash, err)
		}
		if _, err := apikey.ParseID(string(k.ID)); err != nil {
			t.Error(err)
		}
	}
}

// The secret is drawn evenly: no byte of the source favours a character.
func TestKeyTextUsesTheSourceEvenly(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	count := map[rune]int{}
	source := bytes.NewReader(bytes.Repeat(all, 400))
	for n := 0; ; n++ {
		_, secret, err := apikey.New("acme", []apikey.Permission{apikey.ReadOnly}, time.Time{}, start, source)
		if err != nil {
			break
		}
		text := secret.Reveal()
		for _, r := range text[4:20] + text[21:64] {
			count[r]++
		}
	}
	if len(count) != 62 {
		t.Fatalf("%d characters are used", len(count))
	}
	low, high := slices.Min(slices.Collect(maps.Values(count))), slices.Max(slices.Collect(maps.Values(count)))
	if float64(high-low) > 0.1*float64(low) {
		t.Errorf("characters come %d to %d times", low, high)
	}
}

func TestNewKeyRefuses(t *testing.T) {
	for _, c := range []struct {
		tenant      events.TenantID
		permissions []apikey.Permission
		expires     time.Time
		random      io.Reader
		want        fault.Code
	}{
		{"a/b", []apikey.Permission{apikey.ReadOnly}, time.Time{}, rand.Reader, fault.Invalid},
		{"acme", nil, time.Time{}, rand.Reader, fault.Invalid},
		{"acme", []apikey.Permission{"all"}, time.Time{}, rand.Reader, fault.Invalid},
		{"acme", []apikey.Permission{apikey.ReadOnly}, start, rand.Reader, fault.Invalid},
		{"acme", []apikey.Permission{apikey.ReadOnly}, time.Time{}, strings.NewReader("short"), fault.Internal},
	} {
		if _, secret, err := apikey.New(c.tenant, c.permissions, c.expires, start, c.random); fault.CodeOf(err) != c.want || err == nil || secret != "" {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestMalformedKeysAreRefusedBeforeAnyRead(t *testing.T) {
	store := &storedKeys{}
	_, secret := newKey(t, store, time.Time{}, apikey.BackendCalls)
	a := apikey.NewAuthenticator(store, nil)
	good := secret.Reveal()
	bad := []string{"", "erk_", good + "x", good[:len(good)-1], " " + good[1:], "ERK" + good[3:], strings.Replace(good, "_", "-", 1),
		good[:20] + "x" + good[21:], strings.Repeat("é", len(good)/2), strings.Repeat("_", len(good))}
	for i := range len(good) { // each single changed character
		bad = append(bad, good[:i]+string("0123456789"[(int(good[i])+1)%10])+good[i+1:])
	}
	for _, text := range bad {
		if text == good {
			continue
		}
		if _, err := a.Authenticate(t.Context(), events.Secret(text), "acme", apikey.BackendCalls); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if store.reads > 0 {
		t.Errorf("%d reads", store.reads)
	}
}

func TestAuthenticate(t *testing.T) {
	store := &storedKeys{}
	var now atomic.Int64
	now.Store(start.UnixNano())
	a := apikey.NewAuthenticator(store, &apikey.AuthenticatorOptions{Clock: func() time.Time { return time.Unix(0, now.Load()) }})
	calls, callsSecret := newKey(t, store, time.Time{}, apikey.BackendCalls)
	reads, readsSecret := newKey(t, store, time.Time{}, apikey.ReadOnly)
	_, expired := newKey(t, store, start.Add(time.Nanosecond), apikey.BackendCalls)
	revoked, revokedSecret := newKey(t, store, time.Time{}, apikey.BackendCalls)
	if _, err := apikey.Revoke(t.Context(), store, revoked.ID, start); err != nil {
		t.Fatal(err)
	}
	_, unknown := newKey(t, &storedKeys{}, time.Time{}, apikey.BackendCalls)
	forged, _ := newKey(t, store, time.Time{}, apikey.BackendCalls)
	_, forgedSecret := newKey(t, &storedKeys{}, time.Time{}, apikey.BackendCalls)
	store.keys[mustID(t, forgedSecret)] = forged // the id is known, the secret another
	now.Add(int64(time.Second))

	for _, c := range []struct {
		secret events.Secret
		tenant events.TenantID
		p      apikey.Permission
		want   apikey.ID
		cause  string
	}{
		{callsSecret, "acme", apikey.BackendCalls, calls.ID, ""},
		{callsSecret, "acme", apikey.ReadOnly, calls.ID, ""},
		{readsSecret, "acme", apikey.ReadOnly, reads.ID, ""},
		{readsSecret, "acme", apikey.BackendCalls, "", "lacks permission backend_calls"},
		{callsSecret, "other", apikey.BackendCalls, "", "belongs to another tenant"},
		{callsSecret, "", apikey.BackendCalls, "", "belongs to another tenant"},
		{expired, "acme", apikey.BackendCalls, "", "is expired"},
		{revokedSecret, "acme", apikey.BackendCalls, "", "is revoked"},
		{unknown, "acme", apikey.BackendCalls, "", "is unknown"},
		{forgedSecret, "acme", apikey.BackendCalls, "", "does not match the secret"},
		{"erk_x", "acme", apikey.BackendCalls, "", "malformed"},
		{"", "acme", apikey.BackendCalls, "", "malformed"},
	} {
		for range 2 { // from the store and from the cache
			k, err := a.Authenticate(t.Context(), c.secret, c.tenant, c.p)
			if c.cause == "" {
				if err != nil || k.ID != c.want {
					t.Errorf("%s: %v, %v", c.want, k.ID, err)
				}
				continue
			}
			if !fault.Is(err, fault.Unauthenticated) || fault.MessageOf(err) != "the API key is missing or not valid" || fault.ViolationsOf(err) != nil {
				t.Errorf("%s: %v", c.cause, err)
			}
			if !strings.Contains(err.Error(), c.cause) {
				t.Errorf("the log says %q, want %s", err, c.cause)
			}
			if text := c.secret.Reveal(); len(text) > 30 && strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), text[21:40]) {
				t.Errorf("the error holds the secret: %v", err)
			}
			if k.ID != "" || k.Hash != [32]byte{} {
				t.Errorf("%s: answers a key", c.cause)
			}
		}
	}
}

func mustID(t *testing.T, s events.Secret) apikey.ID {
	t.Helper()
	id, _, err := apikey.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestRevocationWithin30Seconds(t *testing.T) {
	store := &storedKeys{}
	var now atomic.Int64
	now.Store(start.UnixNano())
	clock := func() time.Time { return time.Unix(0, now.Load()) }
	a := apikey.NewAuthenticator(store, &apikey.AuthenticatorOptions{Clock: clock, Positive: time.Hour, Negative: time.Hour})
	k, secret := newKey(t, store, time.Time{}, apikey.BackendCalls)
	works := func() bool {
		_, err := a.Authenticate(t.Context(), secret, "acme", apikey.BackendCalls)
		if err != nil && !fault.Is(err, fault.Unauthenticated) {
			t.Fatal(err)
		}
		return err == nil
	}
	if !works() {
		t.Fatal("a new key does not work")
	}
	if _, err := apikey.Revoke(t.Context(), store, k.ID, clock()); err != nil {
		t.Fatal(err)
	}
	now.Add(int64(30*time.Second) - 1)
	if !works() || store.reads > 2 {
		t.Errorf("the cache does not last: %d reads", store.reads)
	}
	now.Add(1)
	if works() {
		t.Error("a revoked key works after 30 seconds")
	}

	// An expiry needs no new read.
	_, brief := newKey(t, store, clock().Add(10*time.Second), apikey.BackendCalls)
	if _, err := a.Authenticate(t.Context(), brief, "acme", apikey.BackendCalls); err != nil {
		t.Error(err)
	}
	now.Add(int64(10 * time.Second))
	if _, err := a.Authenticate(t.Context(), brief, "acme", apikey.BackendCalls); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("an expired key: %v", err)
	}

	// A key that is made after it was asked for works within 5 seconds.
	late, lateSecret := newKey(t, &storedKeys{}, time.Time{}, apikey.BackendCalls)
	for _, want := range []bool{false, false, true} {
		if _, err := a.Authenticate(t.Context(), lateSecret, "acme", apikey.BackendCalls); (err == nil) != want {
			t.Errorf("a key made late: %v, want %v", err, want)
		}
		if err := store.PutKey(t.Context(), late); err != nil {
			t.Fatal(err)
		}
		if !want {
			now.Add(int64(2500 * time.Millisecond))
		}
	}
}

func TestStoreFaultIsNotA401(t *testing.T) {
	store := &storedKeys{}
	now := start
	a := apikey.NewAuthenticator(store, &apikey.AuthenticatorOptions{Clock: func() time.Time { return now }})
	_, secret := newKey(t, store, time.Time{}, apikey.BackendCalls)
	for _, err := range []error{errors.New("throttled"), fault.Errorf(fault.Denied, "no"), context.DeadlineExceeded} {
		store.err = err
		if _, err := a.Authenticate(t.Context(), secret, "acme", apikey.BackendCalls); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%v: %v", store.err, err)
		}
		store.err = nil
		if _, err := a.Authenticate(t.Context(), secret, "acme", apikey.BackendCalls); err != nil {
			t.Errorf("after %v: %v", err, err)
		}
		now = now.Add(time.Minute) // and what was known is not used beyond its time
	}
}

func TestRotate(t *testing.T) {
	store := &storedKeys{}
	now := start
	a := apikey.NewAuthenticator(store, &apikey.AuthenticatorOptions{Clock: func() time.Time { return now }})
	old, oldSecret := newKey(t, store, time.Time{}, apikey.BackendCalls)
	fresh, freshSecret, err := apikey.Rotate(t.Context(), store, old.ID, time.Hour, time.Time{}, now, rand.Reader)
	if err != nil || fresh.ID == old.ID || fresh.Tenant != "acme" || !cmp.Equal(fresh.Permissions, old.Permissions) {
		t.Fatalf("%+v, %v", fresh, err)
	}
	for _, c := range []struct {
		after      time.Duration
		old, fresh bool
	}{{0, true, true}, {time.Hour - 1, true, true}, {time.Hour, false, true}} {
		now = start.Add(c.after)
		_, errOld := a.Authenticate(t.Context(), oldSecret, "acme", apikey.BackendCalls)
		_, errFresh := a.Authenticate(t.Context(), freshSecret, "acme", apikey.BackendCalls)
		if (errOld == nil) != c.old || (errFresh == nil) != c.fresh {
			t.Errorf("after %v: %v, %v", c.after, errOld, errFresh)
		}
	}
	if _, _, err := apikey.Rotate(t.Context(), store, old.ID, time.Hour, time.Time{}, now, rand.Reader); !fault.Is(err, fault.Conflict) {
		t.Errorf("rotating an expired key: %v", err)
	}
	if _, _, err := apikey.Rotate(t.Context(), store, "nobody", time.Hour, time.Time{}, now, rand.Reader); !fault.Is(err, fault.NotFound) {
		t.Errorf("rotating no key: %v", err)
	}

	// An end that comes sooner than the overlap stays.
	soon, _ := newKey(t, store, start.Add(2*time.Hour), apikey.ReadOnly)
	if _, _, err := apikey.Rotate(t.Context(), store, soon.ID, 24*time.Hour, time.Time{}, start, rand.Reader); err != nil {
		t.Fatal(err)
	}
	if k := store.keys[soon.ID]; !k.Expires.Equal(soon.Expires) {
		t.Errorf("expires %v, was %v", k.Expires, soon.Expires)
	}
}

// rotatedMeanwhile runs another rotation before it stores the first key.
type rotatedMeanwhile struct {
	*storedKeys
	other func()
}

func (s *rotatedMeanwhile) PutKey(ctx context.Context, k apikey.Key) error {
	if other := s.other; other != nil {
		s.other = nil
		other()
	}
	return s.storedKeys.PutKey(ctx, k)
}

// TestConcurrentRotations: the second of two rotations that both passed the check
// before either stored a key fails, and leaves the keys of the first.
func TestConcurrentRotations(t *testing.T) {
	keys := &rotatedMeanwhile{storedKeys: &storedKeys{}}
	old, _ := newKey(t, keys.storedKeys, time.Time{}, apikey.BackendCalls)
	rotate := func() (apikey.Key, error) {
		k, secret, err := apikey.Rotate(t.Context(), keys, old.ID, time.Hour, time.Time{}, start, rand.Reader)
		if err != nil && secret != "" {
			t.Error("a secret was returned with an error")
		}
		return k, err
	}
	var first apikey.Key
	keys.other = func() {
		var err error
		if first, err = rotate(); err != nil {
			t.Error(err)
		}
	}
	if k, err := rotate(); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), string(first.ID)+" replaces it") {
		t.Errorf("%+v, %v", k, err)
	}
	active := map[apikey.ID]bool{}
	for id, k := range keys.keys {
		if k.Active(start) {
			active[id] = true
		}
	}
	if want := (map[apikey.ID]bool{old.ID: true, first.ID: true}); !cmp.Equal(active, want) {
		t.Errorf("active keys %v, want %v", active, want)
	}
	if len(keys.keys) != 3 || !keys.keys[old.ID].Expires.Equal(start.Add(time.Hour)) {
		t.Errorf("%+v", keys.keys)
	}
}

// TestTwoKeysAtMostDuringARotation: no second rotation begins before the first has
// ended, of the key or of the one that replaces it.
func TestTwoKeysAtMostDuringARotation(t *testing.T) {
	store := &storedKeys{}
	now := start
	rotate := func(id apikey.ID) (apikey.Key, error) {
		k, _, err := apikey.Rotate(t.Context(), store, id, time.Hour, time.Time{}, now, rand.Reader)
		return k, err
	}
	refused := func(id apikey.ID, want string) {
		t.Helper()
		if _, err := rotate(id); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want one that says %q", err, want)
		}
		active := 0
		for _, k := range store.keys {
			if k.Active(now) {
				active++
			}
		}
		if active > 3 { // two, and the bystander
			t.Errorf("%d keys are active", active)
		}
	}
	bystander, _ := newKey(t, store, start.Add(24*time.Hour), apikey.BackendCalls)
	old, _ := newKey(t, store, time.Time{}, apikey.BackendCalls)
	fresh, err := rotate(old.ID)
	if err != nil {
		t.Fatal(err)
	}
	refused(old.ID, string(fresh.ID)+" replaces it")
	refused(fresh.ID, "replaces "+string(old.ID)+", which is active until ")

	// The new secret was lost: revoke its key, and rotate again.
	if _, err := apikey.Revoke(t.Context(), store, fresh.ID, now); err != nil {
		t.Fatal(err)
	}
	second, err := rotate(old.ID)
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Hour) // the old one has ended
	third, err := rotate(second.ID)
	if err != nil || third.Replaces != second.ID {
		t.Fatalf("%+v, %v", third, err)
	}
	if _, err := rotate(bystander.ID); err != nil {
		t.Errorf("a key of its own: %v", err)
	}
}

func TestRevoke(t *testing.T) {
	store := &storedKeys{}
	k, _ := newKey(t, store, time.Time{}, apikey.BackendCalls)
	for i := range 2 {
		got, err := apikey.Revoke(t.Context(), store, k.ID, start.Add(time.Duration(i)*time.Hour))
		if err != nil || !got.Revoked.Equal(start) || !store.keys[k.ID].Revoked.Equal(start) {
			t.Errorf("revoked at %v, %v", got.Revoked, err)
		}
	}
	if _, err := apikey.Revoke(t.Context(), store, "nobody", start); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
	store.err = errors.New("down")
	if _, err := apikey.Revoke(t.Context(), store, k.ID, start); !fault.Is(err, fault.Unavailable) {
		t.Error(err)
	}
}

func FuzzParseSecret(f *testing.F) {
	_, secret, err := apikey.New("acme", []apikey.Permission{apikey.ReadOnly}, time.Time{}, start, rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(secret.Reveal())
	f.Fuzz(func(t *testing.T, text string) {
		id, hash, err := apikey.Parse(events.Secret(text))
		if err != nil {
			if id != "" || hash != [32]byte{} {
				t.Fatalf("%q: %s, %x with %v", text, id, hash, err)
			}
			return
		}
		if _, err := apikey.ParseID(string(id)); err != nil || hash != sha256.Sum256([]byte(text)) {
			t.Fatalf("%q: %s, %v", text, id, err)
		}
	})
}

func BenchmarkAuthenticate(b *testing.B) {
	store := &storedKeys{}
	_, secret := newKey(b, store, time.Time{}, apikey.BackendCalls)
	a := apikey.NewAuthenticator(store, nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Authenticate(b.Context(), secret, "acme", apikey.BackendCalls); err != nil {
			b.Fatal(err)
		}
	}
}

// TestLastUse: the day of use is written down, and not every use.
func TestLastUse(t *testing.T) {
	now := start.Add(3 * time.Hour)
	keys := &storedKeys{}
	k, secret, err := apikey.New("acme", []apikey.Permission{apikey.ReadOnly}, time.Time{}, now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.PutKey(t.Context(), k); err != nil {
		t.Fatal(err)
	}
	a := apikey.NewAuthenticator(keys, &apikey.AuthenticatorOptions{Clock: func() time.Time { return now }})
	for range 50 * 60 / 10 { // every 10 minutes, for 50 hours
		if _, err := a.Authenticate(t.Context(), secret, "acme", apikey.ReadOnly); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Authenticate(t.Context(), secret, "rival", apikey.ReadOnly); err == nil {
			t.Fatal("another tenant's key is taken")
		}
		now = now.Add(10 * time.Minute)
	}
	want := []time.Time{start, start.Add(24 * time.Hour), start.Add(48 * time.Hour)}
	if diff := cmp.Diff(want, keys.days); diff != "" {
		t.Errorf("days written down: %s", diff)
	}
}
