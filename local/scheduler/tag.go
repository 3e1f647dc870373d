package scheduler

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
)

// Only schedule groups have tags; the pattern of ResourceArn rejects the ARNs of
// schedules.

type TagResourceInput struct {
	ResourceArn string `path:"ResourceArn" json:"ResourceArn" aws:"required,max=1011,pattern=arn:aws(-[a-z]+)?:scheduler:[a-z0-9\\-]+:\\d{12}:schedule-group\\/[0-9a-zA-Z-_.]+"`
	Tags        []tag  `json:"Tags" aws:"required,min=0,max=200"`
}

type UntagResourceInput struct {
	ResourceArn string   `path:"ResourceArn" json:"ResourceArn" aws:"required,max=1011,pattern=arn:aws(-[a-z]+)?:scheduler:[a-z0-9\\-]+:\\d{12}:schedule-group\\/[0-9a-zA-Z-_.]+"`
	TagKeys     []string `query:"TagKeys" json:"TagKeys" aws:"required,min=0,max=200"`
}

type ListTagsForResourceInput struct {
	ResourceArn string `path:"ResourceArn" json:"ResourceArn" aws:"required,max=1011,pattern=arn:aws(-[a-z]+)?:scheduler:[a-z0-9\\-]+:\\d{12}:schedule-group\\/[0-9a-zA-Z-_.]+"`
}

type ListTagsForResourceOutput struct {
	Tags []tag `json:"Tags"`
}

// maxTags is the number of tags that a group can have.
const maxTags = 200

// TagResource adds tags to a group and replaces those that have the same key.
func (s *Schedules) TagResource(ctx context.Context, in *TagResourceInput) (*awsjson.None, error) {
	return nil, s.changeTags(ctx, in.ResourceArn, func(tags map[string]string) error {
		for _, t := range in.Tags {
			tags[t.Key] = t.Value
		}
		if len(tags) > maxTags {
			return awsjson.Errorf("ValidationException", "A schedule group can have at most %d tags.", maxTags)
		}
		return nil
	})
}

// UntagResource removes tags from a group; keys that it does not have are ignored.
func (s *Schedules) UntagResource(ctx context.Context, in *UntagResourceInput) (*awsjson.None, error) {
	return nil, s.changeTags(ctx, in.ResourceArn, func(tags map[string]string) error {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
		return nil
	})
}

// ListTagsForResource lists the tags of a group by key.
func (s *Schedules) ListTagsForResource(_ context.Context, in *ListTagsForResourceInput) (*ListTagsForResourceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, err := s.findTagged(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	out := &ListTagsForResourceOutput{Tags: []tag{}}
	for _, key := range slices.Sorted(maps.Keys(one.Tags)) {
		out.Tags = append(out.Tags, tag{Key: key, Value: one.Tags[key]})
	}
	return out, nil
}

func (s *Schedules) changeTags(ctx context.Context, arn string, change func(map[string]string) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, err := s.findTagged(arn)
	if err != nil {
		return err
	}
	changed := *one
	if changed.Tags = maps.Clone(one.Tags); changed.Tags == nil {
		changed.Tags = map[string]string{}
	}
	if err := change(changed.Tags); err != nil {
		return err
	}
	changed.Modified = awsjson.Time{Time: s.opts.Now()}
	return s.putGroup(ctx, &changed)
}

// findTagged returns the group that an ARN names. The lock is held.
func (s *Schedules) findTagged(arn string) (*group, error) {
	name, ok := strings.CutPrefix(arn, s.groupARN(""))
	if !ok {
		_, name, _ = strings.Cut(arn, "/")
		return nil, notFound("Schedule group " + name)
	}
	return s.findGroup(name)
}
