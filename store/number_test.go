package store_test

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

func TestCheckNumbers(t *testing.T) {
	nines := strings.Repeat("9", 38)
	for _, n := range []string{
		"0", "-0", "0.000", "0e999999999999999999999", "1", "-1", "1.0", "1e125", "-9.9e125", "1e-130", "10e-131",
		"0.1e126", nines, "-" + nines, nines + "0000", nines + ".000", "0." + nines, "0.00" + nines,
		nines[:20] + "." + nines[20:], "1" + strings.Repeat("0", 125), "0." + strings.Repeat("0", 129) + "1",
		"100000000000000000000000000000000000000000.0", "123E+3", "1e0125",
	} {
		if err := store.CheckNumbers(jsontext.Value(n)); err != nil {
			t.Errorf("%s: %v", n, err)
		}
	}
	for _, n := range []string{
		nines + "9", "-1" + nines, nines + ".1", "1" + strings.Repeat("0", 37) + "1", "1." + strings.Repeat("0", 37) + "1",
		"1e126", "10e125", "-1e126", "1e400", "1e-131", "0.1e-130", "1e99999999999999999999999", "1e-99999999999999999999999",
		"1" + strings.Repeat("0", 126), "0." + strings.Repeat("0", 130) + "1",
	} {
		if err := store.CheckNumbers(jsontext.Value(n)); !fault.Is(err, fault.TooLarge) {
			t.Errorf("%s: %v, want too-large", n, err)
		}
	}
}

func TestCheckNumbersNamesThePlace(t *testing.T) {
	for doc, pointer := range map[string]string{
		`1e200`:                                 "",
		`{"a":1,"b":{"c/d":[0,"1e999",1e200]}}`: "/b/c~1d/2",
		`{"1e200":2,"x":[[],{}, -1e200 ]}`:      "/x/2",
		`{"quote\"1e200":1e200}`:                `/quote"1e200`,
		`["\\",1e200]`:                          "/1",
	} {
		err := store.CheckNumbers(jsontext.Value(doc))
		vs := fault.ViolationsOf(err)
		if len(vs) != 1 || vs[0].Pointer != pointer {
			t.Errorf("%s: %v, want the pointer %q", doc, err, pointer)
		}
	}
}

func TestCheckNumbersDoesNotAllocate(t *testing.T) {
	doc := jsontext.Value(`{"id":"rex","price":12.50,"list":[1,2,-3e7,"1e999"],"ok":true,"no":null}`)
	if n := testing.AllocsPerRun(100, func() {
		if err := store.CheckNumbers(doc); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestEqual(t *testing.T) {
	for _, same := range [][2]string{
		{`{"a":1,"b":[true,null]}`, ` { "b" : [ true , null ] , "a" : 1.0 } `},
		{`1.50`, `15e-1`}, {`100`, `1E2`}, {`-0`, `0.00`}, {`0e5`, `0`}, {`0.001`, `1e-3`}, {`1e1000`, `10e999`},
		{`12345678901234567890.10`, `12345678901234567890.1`}, {`1200.0340`, `1.200034e3`},
		{`"A\u00e9\/"`, `"Aé/"`}, {`{"\u0061":1}`, `{"a":1}`}, {`[]`, `[ ]`}, {`{}`, `{ }`}, {``, ``}, {`{bad`, `{bad`},
	} {
		if !store.Equal(jsontext.Value(same[0]), jsontext.Value(same[1])) {
			t.Errorf("%s and %s differ", same[0], same[1])
		}
	}
	for _, other := range [][2]string{
		{`1`, `2`}, {`1`, `-1`}, {`1`, `"1"`}, {`1`, `10`}, {`0.1`, `0.01`}, {`12`, `1.2`}, {`9007199254740993`, `9007199254740992`},
		{`[1,2]`, `[2,1]`}, {`[1]`, `[1,1]`}, {`{"a":1}`, `{"a":1,"b":1}`}, {`{"a":1}`, `{"b":1}`}, {`{"a":null}`, `{}`},
		{`null`, `false`}, {`true`, `false`}, {`""`, `null`}, {`{}`, `[]`}, {`{bad`, `{}`}, {``, `null`},
		{`{"a":1,"a":1}`, `{"a":1}`}, {`12e1`, `1.2e1`},
	} {
		if store.Equal(jsontext.Value(other[0]), jsontext.Value(other[1])) {
			t.Errorf("%s and %s are the same", other[0], other[1])
		}
	}
}

func FuzzNumbers(f *testing.F) {
	for _, seed := range []string{`1`, `-1.5e10`, `{"a":[0.1,1e400]}`, `"\""`, `[`, `1e`, `-`, `"\u00`, ``} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		v := jsontext.Value(doc)
		err := store.CheckNumbers(v) // must not panic, whatever it is given
		_ = (&store.Record{Data: v}).Size()
		if !v.IsValid() {
			return
		}
		if !store.Equal(v, append(append(jsontext.Value("  "), v...), '\n')) {
			t.Errorf("%q differs from itself", doc)
		}
		if err != nil && !strings.Contains(err.Error(), "number at") {
			t.Errorf("%q: %v", doc, err)
		}
	})
}
