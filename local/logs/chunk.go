package logs

import (
	"bytes"
	"compress/flate"
	"io"
	"sync"

	"github.com/go-json-experiment/json"
)

// A chunk is stored as JSON, compressed by DEFLATE after the byte compressed. One
// without that byte is of a version that did not compress.
const compressed = 1

// compressors are kept, because each has 600 kB of tables.
var compressors = sync.Pool{New: func() any {
	w, _ := flate.NewWriter(nil, flate.BestSpeed) // a valid level
	return w
}}

func encodeChunk(lines []Line) ([]byte, error) {
	document, err := json.Marshal(lines)
	if err != nil {
		return nil, err
	}
	out := bytes.NewBuffer(append(make([]byte, 0, len(document)/4), compressed))
	w := compressors.Get().(*flate.Writer)
	defer compressors.Put(w)
	w.Reset(out)
	if _, err := w.Write(document); err != nil {
		return nil, err
	}
	err = w.Close()
	return out.Bytes(), err
}

func decodeChunk(record []byte) (lines []Line, err error) {
	if len(record) > 0 && record[0] == compressed {
		if record, err = io.ReadAll(flate.NewReader(bytes.NewReader(record[1:]))); err != nil {
			return nil, err
		}
	}
	return lines, json.Unmarshal(record, &lines)
}
