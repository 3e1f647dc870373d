package scheduler

import (
	"context"
	"maps"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/datafile"
)

type tag struct {
	Key   string `json:"Key" aws:"required,max=128"`
	Value string `json:"Value" aws:"required,max=256"`
}

type CreateScheduleGroupInput struct {
	ClientToken string `json:"ClientToken,omitempty" aws:"max=64,pattern=[a-zA-Z0-9-_]+"`
	Name        string `path:"Name" json:"Name" aws:"required,max=64,pattern=[0-9a-zA-Z-_.]+"`
	Tags        []tag  `json:"Tags,omitempty" aws:"min=0,max=200"`
}

type CreateScheduleGroupOutput struct {
	ScheduleGroupArn string `json:"ScheduleGroupArn,omitempty"`
}

type DeleteScheduleGroupInput struct {
	ClientToken string `query:"clientToken" json:"clientToken,omitempty" aws:"max=64,pattern=[a-zA-Z0-9-_]+"`
	Name        string `path:"Name" json:"Name" aws:"required,max=64,pattern=[0-9a-zA-Z-_.]+"`
}

type GetScheduleGroupInput struct {
	Name string `path:"Name" json:"Name" aws:"required,max=64,pattern=[0-9a-zA-Z-_.]+"`
}

type GetScheduleGroupOutput struct {
	Arn                  string        `json:"Arn,omitempty"`
	CreationDate         *awsjson.Time `json:"CreationDate,omitempty"`
	LastModificationDate *awsjson.Time `json:"LastModificationDate,omitempty"`
	Name                 string        `json:"Name,omitempty"`
	State                string        `json:"State,omitempty"`
}

type ListScheduleGroupsInput struct {
	MaxResults *int   `query:"MaxResults" json:"MaxResults,omitempty" aws:"min=1,max=100"`
	NamePrefix string `query:"NamePrefix" json:"NamePrefix,omitempty" aws:"max=64,pattern=[0-9a-zA-Z-_.]+"`
	NextToken  string `query:"NextToken" json:"NextToken,omitempty" aws:"max=2048"`
}

type scheduleGroupSummary struct {
	Arn                  string        `json:"Arn,omitempty"`
	CreationDate         *awsjson.Time `json:"CreationDate,omitempty"`
	LastModificationDate *awsjson.Time `json:"LastModificationDate,omitempty"`
	Name                 string        `json:"Name,omitempty"`
	State                string        `json:"State,omitempty"`
}

type ListScheduleGroupsOutput struct {
	NextToken      string                 `json:"NextToken,omitempty"`
	ScheduleGroups []scheduleGroupSummary `json:"ScheduleGroups"`
}

const defaultGroup = "default"

// group is a schedule group. It is not changed but replaced.
type group struct {
	Name     string            `json:"name"`
	Created  awsjson.Time      `json:"created"`
	Modified awsjson.Time      `json:"modified,omitzero"` // zero: never
	Tags     map[string]string `json:"tags,omitempty"`
	Token    string            `json:"token,omitempty"` // the client token of its creation
}

func (one *group) modified() *awsjson.Time {
	if one.Modified.IsZero() {
		return &one.Created
	}
	return &one.Modified
}

func (s *Schedules) groupARN(name string) string { return s.arn("schedule-group/" + name) }

// CreateScheduleGroup makes a group.
func (s *Schedules) CreateScheduleGroup(ctx context.Context, in *CreateScheduleGroupInput) (*CreateScheduleGroupOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if have := s.groups[in.Name]; have != nil {
		if in.ClientToken != "" && in.ClientToken == have.Token {
			return &CreateScheduleGroupOutput{ScheduleGroupArn: s.groupARN(in.Name)}, nil
		}
		return nil, &awsjson.Error{Code: "ConflictException", Status: http.StatusConflict, Message: "Schedule group " + in.Name + " already exists."}
	}
	one := &group{Name: in.Name, Created: awsjson.Time{Time: s.opts.Now()}, Tags: map[string]string{}, Token: in.ClientToken}
	for _, t := range in.Tags {
		one.Tags[t.Key] = t.Value
	}
	if err := s.putGroup(ctx, one); err != nil {
		return nil, err
	}
	return &CreateScheduleGroupOutput{ScheduleGroupArn: s.groupARN(in.Name)}, nil
}

// putGroup stores a group and then puts it in place. The lock is held.
func (s *Schedules) putGroup(ctx context.Context, one *group) error {
	record, err := json.Marshal(one)
	if err != nil {
		return err
	}
	if err := s.file.Commit(ctx, []datafile.Write{s.file.Put(BucketGroups, []byte(one.Name), record)}); err != nil {
		return err
	}
	s.groups[one.Name] = one
	return nil
}

func notFound(what string) error {
	return &awsjson.Error{Code: "ResourceNotFoundException", Status: http.StatusNotFound, Message: what + " does not exist."}
}

func (s *Schedules) findGroup(name string) (*group, error) {
	if one := s.groups[name]; one != nil {
		return one, nil
	}
	return nil, notFound("Schedule group " + name)
}

// DeleteScheduleGroup removes a group with its schedules.
func (s *Schedules) DeleteScheduleGroup(ctx context.Context, in *DeleteScheduleGroupInput) (*awsjson.None, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if in.Name == defaultGroup {
		return nil, awsjson.Errorf("ValidationException", "The default schedule group cannot be deleted.")
	}
	if _, err := s.findGroup(in.Name); err != nil {
		return nil, err
	}
	writes := []datafile.Write{s.file.Remove(BucketGroups, []byte(in.Name))}
	inGroup := func(key string, _ *entry) bool { return strings.HasPrefix(key, in.Name+"/") }
	for key, e := range s.entries {
		if inGroup(key, e) {
			writes = append(writes, s.file.Remove(BucketSchedules, []byte(key)))
		}
	}
	if err := s.file.Commit(ctx, writes); err != nil {
		return nil, err
	}
	maps.DeleteFunc(s.entries, inGroup)
	delete(s.groups, in.Name)
	return nil, nil
}

// GetScheduleGroup tells all of a group.
func (s *Schedules) GetScheduleGroup(_ context.Context, in *GetScheduleGroupInput) (*GetScheduleGroupOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, err := s.findGroup(in.Name)
	if err != nil {
		return nil, err
	}
	return &GetScheduleGroupOutput{Arn: s.groupARN(one.Name), Name: one.Name, State: "ACTIVE", CreationDate: &one.Created, LastModificationDate: one.modified()}, nil
}

// ListScheduleGroups lists groups by name.
func (s *Schedules) ListScheduleGroups(_ context.Context, in *ListScheduleGroupsInput) (*ListScheduleGroupsOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	names, next, err := awsjson.Page(s.groups, in.NamePrefix, in.NextToken, in.MaxResults)
	out := &ListScheduleGroupsOutput{ScheduleGroups: []scheduleGroupSummary{}, NextToken: next}
	for _, name := range names {
		one := s.groups[name]
		out.ScheduleGroups = append(out.ScheduleGroups, scheduleGroupSummary{Arn: s.groupARN(name), Name: name, State: "ACTIVE", CreationDate: &one.Created, LastModificationDate: one.modified()})
	}
	return out, err
}
