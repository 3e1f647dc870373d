package local

import (
	"sync"
	"time"
)

// metrics count by rule and minute what CloudWatch would have under AWS/Events.
// They are in memory only, and go back one day.
type metrics struct {
	now func() time.Time

	mu     sync.Mutex
	counts map[metricKey]map[int64]float64 // by minute since 1970
}

type metricKey struct{ rule, name string }

// metricDays is how far back counts are kept, in minutes.
const metricMinutes = 24 * 60

func newMetrics(now func() time.Time) *metrics {
	return &metrics{now: now, counts: map[metricKey]map[int64]float64{}}
}

// count adds to a rule's metric; rule "" is for those of the bus as a whole.
func (m *metrics) count(rule, name string, n float64) {
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
