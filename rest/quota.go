package rest

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/blockforger/eventrouter/router"
)

// setQuota adds the tenant's limits, in the form of the draft of the RateLimit
// headers. The remainder of a rate is counted by this instance only. The remainder
// of a month is reported only when it is zero, because otherwise each request
// would need one more read.
func (x *exchange) setQuota(out *Response) {
	if x.report == nil {
		return
	}
	q := x.report.Quota
	var policies, left []string
	if q.Rate > 0 {
		policies = append(policies, fmt.Sprintf(`"rate";q=%d;w=%d`, q.Burst, q.Window()))
		left = append(left, fmt.Sprintf(`"rate";r=%d;t=%d`, q.Remaining, q.Window()))
	}
	if q.TokensMonthly > 0 {
		policies = append(policies, fmt.Sprintf(`"month";q=%d;w=%d;qu="tokens"`, q.TokensMonthly, 30*24*60*60))
		if out.Status == http.StatusTooManyRequests && !isThrottled(x.report.Cause) {
			left = append(left, `"month";r=0;t=`+strconv.Itoa(x.secondsOfMonth()))
		}
	}
	if len(policies) > 0 {
		out.Header["ratelimit-policy"] = strings.Join(policies, ", ")
	}
	if len(left) > 0 {
		out.Header["ratelimit"] = strings.Join(left, ", ")
	}
}

func isThrottled(err error) bool {
	_, ok := errors.AsType[*router.Throttled](err)
	return ok
}

// wait returns the number of seconds after which a request that was rejected with
// 429 may be accepted.
func (x *exchange) wait(err error) int {
	if t, ok := errors.AsType[*router.Throttled](err); ok {
		return max(1, int(math.Ceil(t.Wait.Seconds())))
	}
	return x.secondsOfMonth()
}

// secondsOfMonth returns the seconds until the end of the month, in UTC as in
// billing.
func (x *exchange) secondsOfMonth() int {
	now := x.now().UTC()
	next := time.Date(now.Year(), now.Month()+1, 1, 0, 0, 0, 0, time.UTC)
	return int(math.Ceil(next.Sub(now).Seconds()))
}
