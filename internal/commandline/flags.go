package commandline

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/tenant/diag"
)

// flagMappers parse the values of flags and arguments. Their errors say what is valid.
func flagMappers() []kong.Option {
	return []kong.Option{
		kong.TypeMapper(reflect.TypeFor[time.Time](), textMapper(parseTime)),
		kong.TypeMapper(reflect.TypeFor[time.Duration](), textMapper(parseDuration)),
		kong.KindMapper(reflect.Int, textMapper(parseInt)),
		kong.NamedMapper("existingfile", textMapper(existingFile)),
		kong.NamedMapper("existingdir", textMapper(existingFolder)),
	}
}

// textMapper returns a mapper of values that are parsed from one argument.
func textMapper[T any](parse func(string) (T, error)) kong.Mapper {
	return kong.MapperFunc(func(ctx *kong.DecodeContext, target reflect.Value) error {
		var text string
		if err := ctx.Scan.PopValueInto("string", &text); err != nil {
			return err
		}
		v, err := parse(text)
		if err != nil {
			return err
		}
		if out := reflect.ValueOf(v); target.Kind() == reflect.Slice && out.Kind() != reflect.Slice {
			target.Set(reflect.Append(target, out))
		} else {
			target.Set(out)
		}
		return nil
	})
}

// parseTime parses a point in time: RFC 3339, a day in UTC, or a duration before now.
func parseTime(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly, "2006-01-02T15:04Z07:00"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	if ago, err := parseDuration(text); err == nil && ago >= 0 {
		return time.Now().Add(-ago), nil
	}
	return time.Time{}, fmt.Errorf("must be a time such as 2026-11-21T03:00:00Z, a day such as 2026-11-21, or a duration before now such as 1h, not %q", text)
}

// parseDuration parses a duration in the syntax of Go, or a number of days such as 30d.
func parseDuration(text string) (time.Duration, error) {
	if d, err := time.ParseDuration(text); err == nil {
		return d, nil
	}
	const most = 100_000 // days; far below the largest duration
	if number, isDays := strings.CutSuffix(text, "d"); isDays {
		if n, err := strconv.ParseUint(number, 10, 32); err == nil && n <= most {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	return 0, fmt.Errorf("must be a duration such as 90s, 24h or 30d, not %q", text)
}

func parseInt(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("must be a whole number, not %q", text)
	}
	return n, nil
}

func existingFile(path string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", fmt.Errorf("%s: %s", path, Reason(err))
	case info.IsDir():
		return "", fmt.Errorf("%s is a folder, not a file", path)
	}
	return filepath.Abs(path)
}

func existingFolder(path string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", fmt.Errorf("%s: %s", path, Reason(err))
	case !info.IsDir():
		return "", fmt.Errorf("%s is not a folder", path)
	}
	return filepath.Abs(path)
}

// Texts of the parser that name its internals, and what is printed instead.
var parserTexts = []struct {
	found *regexp.Regexp
	text  string
}{
	{regexp.MustCompile(`^(.*?): expected \S+ value but got "EOL" \(<EOL>\)$`), `$1: the value is missing`},
	{regexp.MustCompile(`^(.*?): expected \S+ value but got ".*?" \(.*?\); perhaps try (.*)\?$`), `$1: the value is missing; if it begins with -, write $2`},
	{regexp.MustCompile(`^(.*?): expected \S+ value but got "(.*?)" \(.*\)$`), `$1: the value is missing before $2`},
	{regexp.MustCompile(`^(.*?): bool value must be true, 1, yes, false, 0 or no but got (.*)$`), `$1 takes no value; $2 is not valid`},
	{regexp.MustCompile(`^expected "([^"]*)"$`), `the argument $1 is missing`},
}

// ErrorText returns the text of an error of the parser.
func ErrorText(err error) string {
	text := err.Error()
	if p, ok := errors.AsType[*kong.ParseError](err); ok && p.Context != nil {
		if commands := commandsBelow(p.Context); len(commands) > 0 {
			if strings.HasPrefix(text, "expected one of ") {
				return "a command is missing; valid are " + strings.Join(commands, ", ")
			}
			if word, ok := strings.CutPrefix(text, "unexpected argument "); ok {
				word, _, _ = strings.Cut(word, ",")
				return fmt.Sprintf("there is no command %q%s; valid are %s", word, diag.Suggest(word, commands), strings.Join(commands, ", "))
			}
		}
	}
	if m := enumText.FindStringSubmatch(text); m != nil {
		valid := slices.DeleteFunc(strings.Split(m[2], ","), func(v string) bool { return v == `""` })
		return fmt.Sprintf("%s must be one of %s, not %s", m[1], strings.ReplaceAll(strings.Join(valid, ", "), `"`, ""), m[3])
	}
	for _, p := range parserTexts {
		if p.found.MatchString(text) {
			return p.found.ReplaceAllString(text, p.text)
		}
	}
	return text
}

var enumText = regexp.MustCompile(`^(.*) must be one of (.*) but got (.*)$`)

// commandsBelow lists the commands below the one that was parsed.
func commandsBelow(ctx *kong.Context) (names []string) {
	node := ctx.Model.Node
	if selected := ctx.Selected(); selected != nil {
		node = selected
	}
	for _, c := range node.Children {
		if !c.Hidden {
			names = append(names, c.Name)
		}
	}
	return names
}

// Reason returns the reason of an error of the operating system.
func Reason(err error) string {
	switch {
	case fault.IsRejection(err):
		return fault.MessageOf(err)
	case errors.Is(err, fs.ErrNotExist):
		return "does not exist"
	case errors.Is(err, fs.ErrPermission):
		return "permission denied"
	case errors.Is(err, syscall.EISDIR):
		return "is a folder, not a file"
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno.Error()
	}
	return err.Error()
}
