package blob

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"path"

	"github.com/go-json-experiment/json"
)

// A version identifies one content of one object.
type version struct {
	Sum      [sha256.Size]byte
	Number   string // random; "" if the Dir did not write the content
	Metadata map[string]string
}

// etag returns the ETag, "" for the zero version: the object does not exist.
func (v version) etag() ETag {
	if v.Sum == ([sha256.Size]byte{}) {
		return ""
	}
	sum := hex.EncodeToString(v.Sum[:16])
	if v.Number == "" {
		return ETag(sum)
	}
	return ETag(sum + "-" + v.Number)
}

// newNumber returns the part of an ETag that differs for equal contents.
func newNumber() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// A metaEntry is the stored form of a version in .meta.
type metaEntry struct {
	SHA256   string            `json:"sha256"`
	Version  string            `json:"version"`
	Metadata map[string]string `json:"metadata,omitempty"`
}

// versionOf finds the version of a content in the object's .meta. It returns
// edited if there is a .meta without this content, or one that cannot be decoded:
// then the metadata are lost, but not the object.
func (d *Dir) versionOf(name string, sum [sha256.Size]byte) (v version, edited bool, err error) {
	raw, err := d.root.ReadFile(metaName(name))
	if missing(err) {
		return version{Sum: sum}, false, nil
	}
	if err != nil {
		return version{}, false, err
	}
	var entries []metaEntry
	if json.Unmarshal(raw, &entries) == nil {
		text := hex.EncodeToString(sum[:])
		for _, e := range entries {
			if e.SHA256 == text {
				return version{Sum: sum, Number: e.Version, Metadata: e.Metadata}, false, nil
			}
		}
	}
	return version{Sum: sum}, true, nil
}

// writeVersions replaces .meta by one with the versions of the next and the current
// content. The next is first, so that it applies if both have the same bytes.
func (d *Dir) writeVersions(name string, next, old version) error {
	entries := []metaEntry{next.entry()}
	if old.Number != "" {
		entries = append(entries, old.entry())
	}
	raw, err := json.Marshal(entries, json.Deterministic(true))
	if err != nil {
		return err
	}
	temporary, err := d.writeTemporary(path.Dir(name), raw)
	if err != nil {
		return err
	}
	defer d.root.Remove(temporary) // fails once it has been renamed
	return d.rename(temporary, metaName(name))
}

func (v version) entry() metaEntry {
	return metaEntry{SHA256: hex.EncodeToString(v.Sum[:]), Version: v.Number, Metadata: maps.Clone(v.Metadata)}
}
