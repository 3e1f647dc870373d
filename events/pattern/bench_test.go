package pattern

import (
	"fmt"
	"testing"
)

// benchEvent is what the router sends: 600 bytes, 20 leaves.
const benchEvent = `{"version":"0","id":"6a7e8feb-b491-4cf7-a9f1-bf3703467718","detail-type":"order.placed","source":"shop.orders",
"account":"111122223333","time":"2026-01-02T03:04:05Z","region":"eu-central-1","resources":["arn:aws:s3:::bucket-77/orders/77.json"],
"detail":{"id":"order-77","customer":{"id":"customer-77","tier":"gold","address":"10.1.77.9"},"total":77.50,"currency":"EUR","note":null,
"items":[{"sku":"sku-1","count":2},{"sku":"sku-77","count":1}],"tags":["new","web"],"express":true}}`

var ruleSets = []struct {
	name string
	rule func(i int) string
}{
	{"exact", func(i int) string {
		return fmt.Sprintf(`{"source":["shop.orders"],"detail-type":["order.placed"],"detail":{"id":["order-%d"]}}`, i)
	}},
	{"prefix", func(i int) string {
		return fmt.Sprintf(`{"source":["shop.orders"],"resources":[{"prefix":"arn:aws:s3:::bucket-%d/"}]}`, i)
	}},
	{"wildcard", func(i int) string {
		return fmt.Sprintf(`{"resources":[{"wildcard":"arn:aws:s3:::*-%d/orders/*.json"}]}`, i)
	}},
	{"wildcard-inside", func(i int) string {
		return fmt.Sprintf(`{"detail":{"id":[{"wildcard":"*r*-%d*"}]}}`, i)
	}},
	{"range", func(i int) string {
		return fmt.Sprintf(`{"detail":{"total":[{"numeric":[">=",%d,"<",%d.6]}]}}`, i, i)
	}},
	{"mixed", func(i int) string {
		return []string{
			fmt.Sprintf(`{"source":["shop.orders"],"detail":{"customer":{"id":[{"suffix":"-%d"}]}}}`, i),
			fmt.Sprintf(`{"detail":{"total":[{"numeric":["=",%d.5]}],"currency":["EUR"]}}`, i),
			fmt.Sprintf(`{"detail":{"$or":[{"id":["order-%d"]},{"note":["%d"]}]}}`, i, i),
			fmt.Sprintf(`{"detail":{"customer":{"address":[{"cidr":"10.%d.%d.0/24"}]}}}`, i/256, i%256),
			fmt.Sprintf(`{"detail":{"items":{"sku":[{"equals-ignore-case":"SKU-%d"}],"count":[1]}}}`, i),
		}[i%5]
	}},
}

func fill(tb testing.TB, rule func(int) string, n int) *Matcher[int] {
	tb.Helper()
	m := &Matcher[int]{}
	for i := range n {
		// The one rule of a set of one is the rule that matches.
		k := (i + 77) % max(n, 78)
		p, err := Compile([]byte(rule(k)))
		if err != nil {
			tb.Fatal(err)
		}
		m.Add(k, p)
	}
	return m
}

func BenchmarkMatcher(b *testing.B) {
	event, err := Parse([]byte(benchEvent))
	if err != nil {
		b.Fatal(err)
	}
	for _, set := range ruleSets {
		for _, n := range []int{1, 100, 10_000} {
			b.Run(fmt.Sprintf("%s/%d", set.name, n), func(b *testing.B) {
				m := fill(b, set.rule, n)
				if len(m.Match(event)) == 0 {
					b.Fatal("nothing matches")
				}
				b.ReportAllocs()
				for b.Loop() {
					m.Match(event)
				}
			})
		}
	}
}

// largeEvent has 1,100 bytes, most of them in members that no rule names.
const largeEvent = `{"version":"0","id":"6a7e8feb-b491-4cf7-a9f1-bf3703467718","detail-type":"order.placed","source":"shop.orders","account":"111122223333","time":"2026-01-02T03:04:05Z","region":"eu-central-1","resources":["arn:aws:s3:::bucket-77/orders/77.json"],"detail":{"id":"order-77","customer":{"id":"customer-77","name":"Ada Lovelace","email":"ada@example.com","tier":"gold","address":"10.1.77.9","street":"12 St James's Square","city":"London","postcode":"SW1Y 4JH"},"total":77.50,"currency":"EUR","note":null,"description":"Two books for the shelf beside the window, wrapped; leave them with the neighbour if nobody is at home.","items":[{"sku":"sku-1","title":"On the Connexion of the Physical Sciences","count":2,"price":19.25},{"sku":"sku-77","title":"Sketch of the Analytical Engine","count":1,"price":39.00}],"shipping":{"method":"express","carrier":"parcel-service","weight":1.25,"insured":true,"window":{"from":"2026-01-03T08:00:00Z","to":"2026-01-03T12:00:00Z"}},"payment":{"method":"card","authorized":true,"reference":"pay-0001112223334445556667778889990"},"tags":["new","web","gift"],"express":true}}`

// BenchmarkMatchJSON reads and matches an event of 1,100 bytes, and reads it alone.
func BenchmarkMatchJSON(b *testing.B) {
	event := []byte(largeEvent)
	for _, n := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			m := fill(b, ruleSets[0].rule, n)
			b.ReportAllocs()
			for b.Loop() {
				if keys, err := m.MatchJSON(event); err != nil || len(keys) == 0 {
					b.Fatal("nothing matches", err)
				}
			}
		})
	}
	b.Run("parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Parse(event); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	event := []byte(benchEvent)
	b.SetBytes(int64(len(event)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(event); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	rule := []byte(ruleSets[0].rule(1))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Compile(rule); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAddRemove(b *testing.B) {
	m := fill(b, ruleSets[0].rule, 10_000)
	p, err := Compile([]byte(ruleSets[0].rule(10_001)))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		m.Add(10_001, p)
		m.Remove(10_001)
	}
}
