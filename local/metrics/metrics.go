// Package metrics counts by rule and minute what CloudWatch would have under
// AWS/Events, and serves the counts by CloudWatch's API.
//
//	m := metrics.New(time.Now, slog.Default())
//	m.Count("my-rule", "Invocations", 1)
//
// The counts are in memory only. Safe for concurrent use.
package metrics

import (
	"log/slog"
	"sync"
	"time"
)

// Metrics holds the counts of one day.
type Metrics struct {
	now func() time.Time
	log *slog.Logger

	mu     sync.Mutex
	counts map[metricKey]map[int64]float64 // by minute since 1970
}

type metricKey struct{ rule, name string }

// metricMinutes is how far back counts are kept, in minutes.
const metricMinutes = 24 * 60

// New returns metrics without counts.
func New(now func() time.Time, log *slog.Logger) *Metrics {
	return &Metrics{now: now, log: log, counts: map[metricKey]map[int64]float64{}}
}

// Count adds to a rule's metric; rule "" is for those of the bus as a whole.
func (m *Metrics) Count(rule, name string, n float64) {
	minute := m.now().Unix() / 60
	m.mu.Lock()
	defer m.mu.Unlock()
	key := metricKey{rule, name}
	series := m.counts[key]
	if series == nil {
		series = map[int64]float64{}
		m.counts[key] = series
	}
	if series[minute] += n; len(series) > 2*metricMinutes {
		for at := range series {
			if at < minute-metricMinutes {
				delete(series, at)
			}
		}
	}
}

// sums adds a metric up by periods, which begin at whole multiples of the period
// since 1970. The keys are in seconds.
func (m *Metrics) sums(key metricKey, from, until time.Time, period time.Duration) map[int64]float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	step := int64(period / time.Second)
	out := map[int64]float64{}
	for minute, n := range m.counts[key] {
		if at := time.Unix(minute*60, 0); at.Before(until) && at.Add(time.Minute).After(from) {
			out[minute*60/step*step] += n
		}
	}
	return out
}
