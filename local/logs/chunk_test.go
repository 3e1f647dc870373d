package logs

import (
	"bytes"
	"compress/flate"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

func linesOf(n, size int) (lines []Line) {
	for i := range n {
		lines = append(lines, Line{Seq: uint64(i + 1), Time: time.Unix(int64(i), 5).UTC(), RequestID: "r", Text: strings.Repeat("x", size)})
	}
	return lines
}

// TestChunks: every line is in one chunk, in order, and a chunk has at most maxChunk
// bytes of text, or one line.
func TestChunks(t *testing.T) {
	for _, c := range []struct{ n, size, want int }{{0, 10, 0}, {1, 10, 1}, {1000, 100, 2}, {3, maxChunk, 3}, {3, 2 * maxChunk, 3}, {4, maxChunk / 2, 2}} {
		lines := linesOf(c.n, c.size)
		var all []Line
		parts := chunks(lines)
		for _, part := range parts {
			all = append(all, part...)
			if len(part) == 0 || len(part) > 1 && len(part)*c.size > maxChunk {
				t.Errorf("%d lines of %d: a chunk of %d", c.n, c.size, len(part))
			}
		}
		if len(parts) != c.want || !reflect.DeepEqual(all, lines) {
			t.Errorf("%d lines of %d: %d chunks with %d lines", c.n, c.size, len(parts), len(all))
		}
	}
}

// TestChunkFormats: a chunk is compressed, and one of an older version is read.
func TestChunkFormats(t *testing.T) {
	lines := linesOf(100, 100)
	record, err := encodeChunk(lines)
	if err != nil {
		t.Fatal(err)
	}
	older, err := json.Marshal(lines)
	if err != nil {
		t.Fatal(err)
	}
	if len(record) > len(older)/5 {
		t.Errorf("%d bytes, %d uncompressed", len(record), len(older))
	}
	var deflated bytes.Buffer
	deflated.WriteByte(compressedJSON)
	w, _ := flate.NewWriter(&deflated, flate.BestSpeed)
	_, _ = w.Write(older)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, stored := range map[string][]byte{"compressed": record, "older": older, "compressed JSON": deflated.Bytes()} {
		if got, err := decodeChunk(stored); err != nil || !reflect.DeepEqual(got, lines) {
			t.Errorf("%s: %d lines, %v", name, len(got), err)
		}
	}
	for name, stored := range map[string][]byte{"empty": nil, "cut": record[:len(record)/2], "changed": bytes.ReplaceAll(record, record[10:12], []byte{0, 0}),
		"short": func() []byte { r, _ := encodeChunk([]Line{{Text: "x"}}); return r[:len(r)-6] }()} {
		if _, err := decodeChunk(stored); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
