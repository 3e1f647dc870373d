package schedule

import (
	"math/bits"
	"strconv"
	"strings"
	"time"

	"github.com/blockforger/eventrouter/fault"
)

// cron is AWS's cron expression of six fields: minutes, hours, day of month,
// month, day of week (1 is Sunday), year.
type cron struct {
	minutes, hours, months uint64 // a bit for each value
	days                   dayOfMonth
	weekdays               dayOfWeek
	years                  [4]uint64 // a bit for each year since 1970
}

// dayOfMonth is "?" where any is set, or a set of days, or L, or nW.
type dayOfMonth struct {
	any     bool
	set     uint64
	last    bool // L, or LW with nearest
	nearest int  // nW: the weekday nearest to the day; -1 for LW
}

// dayOfWeek is "?" where any is set, or a set of weekdays, or nL, or n#m.
type dayOfWeek struct {
	any  bool
	set  uint64
	last int // nL: the last such weekday of the month
	day  int // n#m: the weekday
	nth  int // n#m: which of the month
}

const firstYear, lastYear = 1970, 2199

var (
	monthNames   = names("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC")
	weekdayNames = names("SUN MON TUE WED THU FRI SAT")
)

func names(list string) map[string]int {
	m := map[string]int{}
	for i, name := range strings.Fields(list) {
		m[name] = i + 1
	}
	return m
}

func parseCron(body string) (Schedule, error) {
	refuse := func(why string) (Schedule, error) {
		return nil, fault.Errorf(fault.Invalid, "cron(%s) is not valid: %s", body, why)
	}
	f := strings.Fields(body)
	if len(f) != 6 {
		return refuse("it must have six fields: minutes hours day-of-month month day-of-week year")
	}
	if (f[2] == "?") == (f[4] == "?") {
		return refuse("one of day-of-month and day-of-week must be ?, and only one")
	}
	c := &cron{}
	var ok [6]bool
	c.minutes, ok[0] = parseSet(f[0], 0, 59, nil)
	c.hours, ok[1] = parseSet(f[1], 0, 23, nil)
	c.days, ok[2] = parseDayOfMonth(f[2])
	c.months, ok[3] = parseSet(f[3], 1, 12, monthNames)
	c.weekdays, ok[4] = parseDayOfWeek(f[4])
	ok[5] = c.parseYears(f[5])
	for i, good := range ok {
		if !good {
			return refuse("field " + strconv.Itoa(i+1) + ", " + f[i])
		}
	}
	return c, nil
}

func parseDayOfMonth(field string) (d dayOfMonth, ok bool) {
	switch day, isNearest := strings.CutSuffix(field, "W"); {
	case field == "?":
		return dayOfMonth{any: true}, true
	case field == "L":
		return dayOfMonth{last: true}, true
	case field == "LW":
		return dayOfMonth{nearest: -1}, true
	case isNearest:
		n, err := strconv.Atoi(day)
		return dayOfMonth{nearest: n}, err == nil && n >= 1 && n <= 31
	}
	d.set, ok = parseSet(field, 1, 31, nil)
	return d, ok
}

func parseDayOfWeek(field string) (d dayOfWeek, ok bool) {
	if field == "?" {
		return dayOfWeek{any: true}, true
	}
	if field == "L" {
		return dayOfWeek{set: 1 << 7}, true // Saturday, the last of a week
	}
	if day, nth, is := strings.Cut(field, "#"); is {
		n, ok := parseValue(day, 1, 7, weekdayNames)
		m, err := strconv.Atoi(nth)
		return dayOfWeek{day: n, nth: m}, ok && err == nil && m >= 1 && m <= 5
	}
	if day, is := strings.CutSuffix(field, "L"); is {
		n, ok := parseValue(day, 1, 7, weekdayNames)
		return dayOfWeek{last: n}, ok
	}
	d.set, ok = parseSet(field, 1, 7, weekdayNames)
	return d, ok
}

func (c *cron) parseYears(field string) bool {
	return eachValue(field, firstYear, lastYear, nil, func(year int) {
		c.years[(year-firstYear)/64] |= 1 << ((year - firstYear) % 64)
	})
}

func parseSet(field string, lo, hi int, names map[string]int) (set uint64, ok bool) {
	ok = eachValue(field, lo, hi, names, func(v int) { set |= 1 << v })
	return set, ok
}

// eachValue calls f with each value that a list of values, ranges, steps and *
// names, and reports whether the list is well formed.
func eachValue(field string, lo, hi int, names map[string]int, f func(int)) bool {
	for _, part := range strings.Split(field, ",") {
		span, stepText, stepped := strings.Cut(part, "/")
		step := 1
		if stepped {
			var err error
			if step, err = strconv.Atoi(stepText); err != nil || step < 1 || step > hi {
				return false
			}
		}
		from, to := lo, hi
		if span != "*" {
			first, last, isRange := strings.Cut(span, "-")
			var ok bool
			if from, ok = parseValue(first, lo, hi, names); !ok {
				return false
			}
			switch {
			case isRange:
				if to, ok = parseValue(last, lo, hi, names); !ok {
					return false
				}
			case !stepped: // 5/10 goes on to the end, 5 does not
				to = from
			}
		}
		if from > to { // FRI-MON goes round
			for v := from; v <= hi; v += step {
				f(v)
			}
			from = lo
		}
		for v := from; v <= to; v += step {
			f(v)
		}
	}
	return true
}

func parseValue(text string, lo, hi int, names map[string]int) (int, bool) {
	if n, ok := names[strings.ToUpper(text)]; ok {
		return n, true
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= lo && n <= hi
}

// Next walks from the coarse to the fine. A time of day that the clocks skip in
// spring is left out; one that they repeat in autumn counts once.
func (c *cron) Next(_, after time.Time, in *time.Location) (time.Time, bool) {
	local := after.In(in)
	start := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, time.UTC)
	for day := start; day.Year() <= lastYear; day = day.AddDate(0, 0, 1) {
		if !c.hasYear(day.Year()) {
			day = time.Date(day.Year(), 12, 31, 0, 0, 0, 0, time.UTC)
			continue
		}
		if c.months&(1<<day.Month()) == 0 {
			day = time.Date(day.Year(), day.Month()+1, 0, 0, 0, 0, 0, time.UTC)
			continue
		}
		if !c.hasDay(day) {
			continue
		}
		for hours := c.hours; hours != 0; hours &= hours - 1 {
			for minutes := c.minutes; minutes != 0; minutes &= minutes - 1 {
				h, m := bits.TrailingZeros64(hours), bits.TrailingZeros64(minutes)
				t := time.Date(day.Year(), day.Month(), day.Day(), h, m, 0, 0, in)
				if t.After(after) && t.Hour() == h && t.Minute() == m {
					return t, true
				}
			}
		}
	}
	return time.Time{}, false
}

func (c *cron) hasYear(year int) bool {
	i := year - firstYear
	return i >= 0 && i/64 < len(c.years) && c.years[i/64]&(1<<(i%64)) != 0
}

func (c *cron) hasDay(day time.Time) bool {
	if c.weekdays.any {
		return c.days.has(day)
	}
	return c.weekdays.has(day)
}

func lastOfMonth(day time.Time) int {
	return time.Date(day.Year(), day.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

func (d dayOfMonth) has(day time.Time) bool {
	last := lastOfMonth(day)
	switch {
	case d.last:
		return day.Day() == last
	case d.nearest == -1:
		return day.Day() == nearestWeekday(day, last, last)
	case d.nearest > 0:
		return d.nearest <= last && day.Day() == nearestWeekday(day, d.nearest, last)
	}
	return d.set&(1<<day.Day()) != 0
}

// nearestWeekday is the day of the month, Monday to Friday, next to a day,
// without leaving the month.
func nearestWeekday(month time.Time, day, last int) int {
	switch time.Date(month.Year(), month.Month(), day, 0, 0, 0, 0, time.UTC).Weekday() {
	case time.Saturday:
		if day == 1 {
			return 3
		}
		return day - 1
	case time.Sunday:
		if day == last {
			return day - 2
		}
		return day + 1
	}
	return day
}

func (d dayOfWeek) has(day time.Time) bool {
	weekday := int(day.Weekday()) + 1
	switch {
	case d.last > 0:
		return weekday == d.last && day.Day() > lastOfMonth(day)-7
	case d.nth > 0:
		return weekday == d.day && (day.Day()-1)/7+1 == d.nth
	}
	return d.set&(1<<weekday) != 0
}
