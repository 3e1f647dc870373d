package logs

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

// A chunk is stored compressed by DEFLATE, after the byte compressed: for each line its
// number and its time in nanoseconds since 1970 as varints, and the request id and the
// text, each after its length. Older versions stored a JSON array, or the byte
// compressedJSON and a compressed one.
const (
	compressedJSON = 1
	compressed     = 2
)

// compressors are kept, because each has 600 kB of tables.
var compressors = sync.Pool{New: func() any {
	w, _ := flate.NewWriter(nil, flate.BestSpeed) // a valid level
	return w
}}

func encodeChunk(lines []Line) ([]byte, error) {
	var b []byte
	for i := range lines {
		l := &lines[i]
		b = binary.AppendUvarint(b, l.Seq)
		b = binary.AppendVarint(b, l.Time.UnixNano())
		for _, text := range []string{l.RequestID, l.Text} {
			b = append(binary.AppendUvarint(b, uint64(len(text))), text...)
		}
	}
	out := bytes.NewBuffer(append(make([]byte, 0, len(b)/4), compressed))
	w := compressors.Get().(*flate.Writer)
	defer compressors.Put(w)
	w.Reset(out)
	if _, err := w.Write(b); err != nil {
		return nil, err
	}
	err := w.Close()
	return out.Bytes(), err
}

var errChunk = errors.New("a chunk of log lines is incomplete")

func decodeChunk(record []byte) (lines []Line, err error) {
	if len(record) == 0 || record[0] > compressed {
		return lines, json.Unmarshal(record, &lines)
	}
	b, err := io.ReadAll(flate.NewReader(bytes.NewReader(record[1:])))
	if err != nil {
		return nil, err
	}
	if record[0] == compressedJSON {
		return lines, json.Unmarshal(b, &lines)
	}
	all := string(b) // shared by the texts of the lines
	at := 0
	ok := true
	number := func() uint64 {
		n, size := binary.Uvarint(b[at:])
		ok = ok && size > 0
		at += max(0, size)
		return n
	}
	text := func() string {
		n := number()
		if ok = ok && n <= uint64(len(b)-at); !ok {
			return ""
		}
		at += int(n)
		return all[at-int(n) : at]
	}
	for at < len(b) {
		l := Line{Seq: number()}
		n, size := binary.Varint(b[at:])
		ok = ok && size > 0
		at += max(0, size)
		l.Time, l.RequestID, l.Text = time.Unix(0, n).UTC(), text(), text()
		if !ok {
			return nil, errChunk
		}
		lines = append(lines, l)
	}
	return lines, nil
}
