package events

import "strings"

// A trace context has two forms: W3C's traceparent, for example
// 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01, and AWS X-Ray's header, for
// example Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=b7ad6b7169203331;Sampled=1.

// TraceHeader returns the X-Ray header of a traceparent. It returns false if the
// traceparent is malformed, which its standard says to ignore.
func TraceHeader(traceparent string) (header string, ok bool) {
	// version-trace-parent-flags; a newer version may have more members.
	part := strings.Split(traceparent, "-")
	if len(part) < 4 || !isHex(part[0], 2) || part[0] == "ff" || part[0] == "00" && len(part) != 4 ||
		!isHex(part[1], 32) || strings.Trim(part[1], "0") == "" || !isHex(part[2], 16) || strings.Trim(part[2], "0") == "" || !isHex(part[3], 2) {
		return "", false
	}
	sampled := "0"
	if strings.IndexByte("13579bdf", part[3][1]) >= 0 {
		sampled = "1"
	}
	return "Root=1-" + part[1][:8] + "-" + part[1][8:] + ";Parent=" + part[2] + ";Sampled=" + sampled, true
}

// Traceparent returns the traceparent of an X-Ray header; "" if the header has no
// trace or no parent.
func Traceparent(header string) string {
	var trace, parent string
	flags := "00"
	for field := range strings.SplitSeq(header, ";") {
		switch name, value, _ := strings.Cut(strings.TrimSpace(field), "="); name {
		case "Root":
			if root := strings.Split(value, "-"); len(root) == 3 && root[0] == "1" && isHex(root[1], 8) && isHex(root[2], 24) {
				trace = root[1] + root[2]
			}
		case "Parent":
			if isHex(value, 16) {
				parent = value
			}
		case "Sampled":
			if value == "1" {
				flags = "01"
			}
		}
	}
	if trace == "" || parent == "" {
		return ""
	}
	return "00-" + trace + "-" + parent + "-" + flags
}

// isHex reports whether s is n lower-case hexadecimal digits.
func isHex(s string, n int) bool {
	return len(s) == n && strings.Trim(s, "0123456789abcdef") == ""
}
