package eventbridge

import (
	"context"
	"encoding/binary"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/events/pattern"
	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/datafile"
)

type CreateArchiveInput struct {
	ArchiveName    string `json:"ArchiveName" aws:"required,min=1,max=48,pattern=[\\.\\-_A-Za-z0-9]+"`
	EventSourceArn string `json:"EventSourceArn" aws:"required,min=1,max=1600,pattern=^arn:aws([a-z]|\\-)*:events:([a-z]|\\d|\\-)*:([0-9]{12})?:.+\\/.+$"`
	Description    string `json:"Description,omitempty" aws:"max=512,pattern=.*"`
	EventPattern   string `json:"EventPattern,omitempty" aws:"max=4096"`
	RetentionDays  *int   `json:"RetentionDays,omitempty" aws:"min=0"`
}

type CreateArchiveOutput struct {
	ArchiveArn   string        `json:"ArchiveArn,omitempty"`
	State        string        `json:"State,omitempty"`
	StateReason  string        `json:"StateReason,omitempty"`
	CreationTime *awsjson.Time `json:"CreationTime,omitempty"`
}

type DeleteArchiveInput struct {
	ArchiveName string `json:"ArchiveName" aws:"required,min=1,max=48,pattern=[\\.\\-_A-Za-z0-9]+"`
}

type DescribeArchiveInput struct {
	ArchiveName string `json:"ArchiveName" aws:"required,min=1,max=48,pattern=[\\.\\-_A-Za-z0-9]+"`
}

type DescribeArchiveOutput struct {
	ArchiveArn     string        `json:"ArchiveArn,omitempty"`
	ArchiveName    string        `json:"ArchiveName,omitempty"`
	EventSourceArn string        `json:"EventSourceArn,omitempty"`
	Description    string        `json:"Description,omitempty"`
	EventPattern   string        `json:"EventPattern,omitempty"`
	State          string        `json:"State,omitempty"`
	StateReason    string        `json:"StateReason,omitempty"`
	RetentionDays  int           `json:"RetentionDays,omitempty"`
	SizeBytes      int           `json:"SizeBytes,omitempty"`
	EventCount     int           `json:"EventCount,omitempty"`
	CreationTime   *awsjson.Time `json:"CreationTime,omitempty"`
}

type ListArchivesInput struct {
	NamePrefix     string `json:"NamePrefix,omitempty" aws:"min=1,max=48,pattern=[\\.\\-_A-Za-z0-9]+"`
	EventSourceArn string `json:"EventSourceArn,omitempty" aws:"min=1,max=1600,pattern=^arn:aws([a-z]|\\-)*:events:([a-z]|\\d|\\-)*:([0-9]{12})?:.+\\/.+$"`
	State          string `json:"State,omitempty" aws:"enum=ENABLED|DISABLED|CREATING|UPDATING|CREATE_FAILED|UPDATE_FAILED"`
	NextToken      string `json:"NextToken,omitempty" aws:"min=1,max=2048"`
	Limit          *int   `json:"Limit,omitempty" aws:"min=1,max=100"`
}

type archiveSummary struct {
	ArchiveName    string        `json:"ArchiveName,omitempty"`
	EventSourceArn string        `json:"EventSourceArn,omitempty"`
	State          string        `json:"State,omitempty"`
	StateReason    string        `json:"StateReason,omitempty"`
	RetentionDays  int           `json:"RetentionDays,omitempty"`
	SizeBytes      int           `json:"SizeBytes,omitempty"`
	EventCount     int           `json:"EventCount,omitempty"`
	CreationTime   *awsjson.Time `json:"CreationTime,omitempty"`
}

type ListArchivesOutput struct {
	Archives  []archiveSummary `json:"Archives"`
	NextToken string           `json:"NextToken,omitempty"`
}

type UpdateArchiveInput struct {
	ArchiveName   string `json:"ArchiveName" aws:"required,min=1,max=48,pattern=[\\.\\-_A-Za-z0-9]+"`
	Description   string `json:"Description,omitempty" aws:"max=512,pattern=.*"`
	EventPattern  string `json:"EventPattern,omitempty" aws:"max=4096"`
	RetentionDays *int   `json:"RetentionDays,omitempty" aws:"min=0"`
}

type UpdateArchiveOutput struct {
	ArchiveArn   string        `json:"ArchiveArn,omitempty"`
	State        string        `json:"State,omitempty"`
	StateReason  string        `json:"StateReason,omitempty"`
	CreationTime *awsjson.Time `json:"CreationTime,omitempty"`
}

// archive keeps the events of a bus that match its pattern, in the order of
// their own time.
type archive struct {
	Name        string       `json:"name"`
	Bus         string       `json:"bus"` // its name
	Pattern     string       `json:"pattern,omitempty"`
	Description string       `json:"description,omitempty"`
	Retention   int          `json:"retention,omitempty"` // days; 0 means without end
	Created     awsjson.Time `json:"created"`

	compiled *pattern.Pattern // nil takes every event
	count    int              // of events in it
	size     int              // their bytes
}

func (a *archive) compile() (err error) {
	a.compiled = nil
	if a.Pattern != "" {
		a.compiled, err = pattern.Compile([]byte(a.Pattern))
	}
	return err
}

// An archiveStore holds the archives and their events.
type archiveStore struct {
	file   *datafile.File
	now    func() time.Time
	mu     *sync.RWMutex // the catalog's
	byName map[string]*archive
}

func (s *Service) archiveARN(name string) string { return s.arn("events", "archive/"+name) }

// archivedKey orders an archive's events by their time, then by their arrival.
func archivedKey(archive string, at time.Time, seq uint64) []byte {
	key := append([]byte(archive), 0)
	// Flipping the sign bit lets times before 1970 come first.
	key = binary.BigEndian.AppendUint64(key, uint64(at.UnixMilli())^1<<63)
	return binary.BigEndian.AppendUint64(key, seq)
}

// archivedTime is the time in such a key.
func archivedTime(archive string, key []byte) time.Time {
	return time.UnixMilli(int64(binary.BigEndian.Uint64(key[len(archive)+1:]) ^ 1<<63)).UTC()
}

func inArchive(archive string, key []byte) bool {
	return len(key) == len(archive)+17 && strings.HasPrefix(string(key), archive+"\x00")
}

// writes returns the writes that put an event into the archives of its bus. A
// replayed event is not archived again. The catalog is locked.
func (s *archiveStore) writes(a *incoming) []datafile.Write {
	if a.event.Replay != "" || a.only != nil {
		return nil
	}
	var writes []datafile.Write
	for _, one := range s.byName {
		if one.Bus == a.bus && (one.compiled == nil || one.compiled.Match(a.parsed)) {
			writes = append(writes, s.file.Put(bucketArchived, archivedKey(one.Name, a.event.Time, a.event.Seq), a.event.JSON))
			a.archived = append(a.archived, one)
		}
	}
	return writes
}

// count adds archived events to the counts of their archives, after the commit.
func (s *archiveStore) count(events []*incoming) {
	for _, a := range events {
		if len(a.archived) == 0 {
			continue
		}
		s.mu.Lock()
		for _, one := range a.archived {
			one.count++
			one.size += len(a.event.JSON)
		}
		s.mu.Unlock()
	}
}

func (s *archiveStore) load() error {
	s.byName = map[string]*archive{}
	err := s.file.Each(bucketArchives, nil, func(_, record []byte) (bool, error) {
		one := &archive{}
		if err := json.Unmarshal(record, one); err != nil {
			return false, err
		}
		s.byName[one.Name] = one
		return true, one.compile()
	})
	if err != nil {
		return err
	}
	return s.file.Each(bucketArchived, nil, func(key, event []byte) (bool, error) {
		name, _, _ := strings.Cut(string(key), "\x00")
		if one := s.byName[name]; one != nil {
			one.count++
			one.size += len(event)
		}
		return true, nil
	})
}

// CreateArchive creates an archive of the events that a bus receives from then on.
func (s *Service) CreateArchive(ctx context.Context, in *CreateArchiveInput) (*CreateArchiveOutput, error) {
	s.catalog.mu.Lock()
	defer s.catalog.mu.Unlock()
	b, err := s.findBus(in.EventSourceArn)
	if err != nil {
		return nil, err
	}
	if s.archives.byName[in.ArchiveName] != nil {
		return nil, awsjson.Errorf("ResourceAlreadyExistsException", "Archive %s already exists.", in.ArchiveName)
	}
	one := &archive{Name: in.ArchiveName, Bus: b.Name, Pattern: in.EventPattern, Description: in.Description,
		Created: awsjson.Time{Time: s.opts.Now()}}
	if in.RetentionDays != nil {
		one.Retention = *in.RetentionDays
	}
	if err := s.archives.put(ctx, one); err != nil {
		return nil, err
	}
	return &CreateArchiveOutput{ArchiveArn: s.archiveARN(one.Name), State: enabled, CreationTime: &one.Created}, nil
}

// put checks the pattern of an archive and stores it. The catalog is locked.
func (s *archiveStore) put(ctx context.Context, one *archive) error {
	if one.Pattern != "" {
		if _, err := pattern.Admit([]byte(one.Pattern), 0); err != nil {
			return invalidPattern(err)
		}
	}
	if err := one.compile(); err != nil {
		return invalidPattern(err)
	}
	record, err := json.Marshal(one)
	if err != nil {
		return err
	}
	if err := s.file.Commit(ctx, []datafile.Write{s.file.Put(bucketArchives, []byte(one.Name), record)}); err != nil {
		return err
	}
	s.byName[one.Name] = one
	return nil
}

// find returns an archive by name. The catalog is locked.
func (s *archiveStore) find(name string) (*archive, error) {
	if one := s.byName[name]; one != nil {
		return one, nil
	}
	return nil, awsjson.Errorf("ResourceNotFoundException", "Archive %s does not exist.", awsjson.Clip(name))
}

// DeleteArchive removes an archive with its events.
func (s *Service) DeleteArchive(ctx context.Context, in *DeleteArchiveInput) (*awsjson.None, error) {
	s.catalog.mu.Lock()
	defer s.catalog.mu.Unlock()
	one, err := s.archives.find(in.ArchiveName)
	if err != nil {
		return nil, err
	}
	writes := []datafile.Write{s.file.Remove(bucketArchives, []byte(one.Name))}
	err = s.archives.keys(one.Name, func(key []byte) bool {
		writes = append(writes, s.file.Remove(bucketArchived, key))
		return true
	})
	if err != nil {
		return nil, err
	}
	if err := s.file.Commit(ctx, writes); err != nil {
		return nil, err
	}
	delete(s.archives.byName, one.Name)
	return nil, nil
}

func (s *archiveStore) keys(archive string, visit func(key []byte) bool) error {
	return s.file.Keys(bucketArchived, []byte(archive+"\x00"), func(key []byte) bool {
		return inArchive(archive, key) && visit(append([]byte(nil), key...))
	})
}

// DescribeArchive tells all of an archive.
func (s *Service) DescribeArchive(_ context.Context, in *DescribeArchiveInput) (*DescribeArchiveOutput, error) {
	s.catalog.mu.RLock()
	defer s.catalog.mu.RUnlock()
	one, err := s.archives.find(in.ArchiveName)
	if err != nil {
		return nil, err
	}
	return &DescribeArchiveOutput{ArchiveArn: s.archiveARN(one.Name), ArchiveName: one.Name, EventSourceArn: s.busARN(one.Bus),
		Description: one.Description, EventPattern: one.Pattern, State: enabled, RetentionDays: one.Retention,
		SizeBytes: one.size, EventCount: one.count, CreationTime: &one.Created}, nil
}

// ListArchives lists archives by name. As on AWS, it takes at most one filter.
func (s *Service) ListArchives(_ context.Context, in *ListArchivesInput) (*ListArchivesOutput, error) {
	if err := oneFilter("ListArchives", in.State, in.EventSourceArn, in.NamePrefix); err != nil {
		return nil, err
	}
	s.catalog.mu.RLock()
	defer s.catalog.mu.RUnlock()
	if in.EventSourceArn != "" {
		if _, err := s.findBus(in.EventSourceArn); err != nil {
			return nil, err
		}
	}
	matching := map[string]*archive{}
	for name, one := range s.archives.byName {
		if (in.EventSourceArn == "" || in.EventSourceArn == s.busARN(one.Bus)) && (in.State == "" || in.State == enabled) {
			matching[name] = one
		}
	}
	names, next, err := awsjson.Page(matching, in.NamePrefix, in.NextToken, in.Limit)
	out := &ListArchivesOutput{Archives: []archiveSummary{}, NextToken: next}
	for _, name := range names {
		one := matching[name]
		out.Archives = append(out.Archives, archiveSummary{ArchiveName: name, EventSourceArn: s.busARN(one.Bus), State: enabled,
			RetentionDays: one.Retention, SizeBytes: one.size, EventCount: one.count, CreationTime: &one.Created})
	}
	return out, err
}

// UpdateArchive replaces pattern and description, and the retention if it is
// given. The pattern applies to the events that arrive from then on.
func (s *Service) UpdateArchive(ctx context.Context, in *UpdateArchiveInput) (*UpdateArchiveOutput, error) {
	s.catalog.mu.Lock()
	defer s.catalog.mu.Unlock()
	old, err := s.archives.find(in.ArchiveName)
	if err != nil {
		return nil, err
	}
	one := *old
	one.Pattern, one.Description = in.EventPattern, in.Description
	if in.RetentionDays != nil {
		one.Retention = *in.RetentionDays
	}
	if err := s.archives.put(ctx, &one); err != nil {
		return nil, err
	}
	return &UpdateArchiveOutput{ArchiveArn: s.archiveARN(one.Name), State: enabled, CreationTime: &one.Created}, nil
}

// oneFilter returns the error if more than one filter of a list is given.
func oneFilter(operation string, filters ...string) error {
	given := 0
	for _, f := range filters {
		if f != "" {
			given++
		}
	}
	if given > 1 {
		return awsjson.Errorf("ValidationException", "At most one filter is allowed for %s. Use either : State, EventSourceArn, or NamePrefix.", operation)
	}
	return nil
}

// trim removes events that are older than the retention of their archive.
func (s *archiveStore) trim(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.byName {
		if one.Retention == 0 {
			continue
		}
		oldest := s.now().AddDate(0, 0, -one.Retention)
		var writes []datafile.Write
		if err := s.keys(one.Name, func(key []byte) bool {
			if !archivedTime(one.Name, key).Before(oldest) {
				return false
			}
			writes = append(writes, s.file.Remove(bucketArchived, key))
			return true
		}); err != nil {
			return err
		}
		if len(writes) == 0 {
			continue
		}
		if err := s.file.Commit(ctx, writes); err != nil {
			return err
		}
		one.count -= len(writes) // the size is counted again at the next start
	}
	return nil
}
