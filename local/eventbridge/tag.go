package eventbridge

import (
	"context"
	"maps"
	"strings"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
)

type tag struct {
	Key   string `json:"Key" aws:"required,min=1,max=128"`
	Value string `json:"Value" aws:"required,min=0,max=256"`
}

type TagResourceInput struct {
	ResourceARN string `json:"ResourceARN" aws:"required,min=1,max=1600"`
	Tags        []tag  `json:"Tags" aws:"required"`
}

type UntagResourceInput struct {
	ResourceARN string   `json:"ResourceARN" aws:"required,min=1,max=1600"`
	TagKeys     []string `json:"TagKeys" aws:"required" each:"min=1,max=128"`
}

type ListTagsForResourceInput struct {
	ResourceARN string `json:"ResourceARN" aws:"required,min=1,max=1600"`
}

type ListTagsForResourceOutput struct {
	Tags []tag `json:"Tags"`
}

// maxTags is how many tags a resource may have.
const maxTags = 50

// TagResource adds tags to a rule or a bus.
func (s *Service) TagResource(ctx context.Context, in *TagResourceInput) (*awsjson.None, error) {
	return nil, s.changeTags(ctx, in.ResourceARN, func(tags map[string]string) error {
		maps.Copy(tags, tagMap(nil, in.Tags))
		if len(tags) > maxTags {
			return awsjson.Errorf("ValidationException", "A resource can have at most %d tags.", maxTags)
		}
		return nil
	})
}

// UntagResource removes tags. Keys without a tag are ignored.
func (s *Service) UntagResource(ctx context.Context, in *UntagResourceInput) (*awsjson.None, error) {
	return nil, s.changeTags(ctx, in.ResourceARN, func(tags map[string]string) error {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
		return nil
	})
}

// ListTagsForResource lists the tags of a rule or a bus by key.
func (s *Service) ListTagsForResource(_ context.Context, in *ListTagsForResourceInput) (*ListTagsForResourceOutput, error) {
	s.catalog.mu.RLock()
	defer s.catalog.mu.RUnlock()
	b, r, err := s.findTagged(in.ResourceARN)
	if err != nil {
		return nil, err
	}
	tags := b.Tags
	if r != nil {
		tags = r.Tags
	}
	out := &ListTagsForResourceOutput{Tags: []tag{}}
	for _, key := range sortedKeys(tags) {
		out.Tags = append(out.Tags, tag{Key: key, Value: tags[key]})
	}
	return out, nil
}

func (s *Service) changeTags(ctx context.Context, arn string, change func(map[string]string) error) error {
	s.catalog.mu.Lock()
	defer s.catalog.mu.Unlock()
	b, r, err := s.findTagged(arn)
	if err != nil {
		return err
	}
	if r != nil {
		changed := *r
		changed.Tags = tagMap(r.Tags, nil)
		if err := change(changed.Tags); err != nil {
			return err
		}
		return s.replaceRule(ctx, b, &changed)
	}
	changed := *b
	changed.Tags = tagMap(b.Tags, nil)
	if err := change(changed.Tags); err != nil {
		return err
	}
	return s.keepBus(ctx, &changed)
}

// findTagged finds the rule that an ARN names, with its bus, or the bus alone.
// The catalog is locked.
func (s *Service) findTagged(arn string) (*bus, *rule, error) {
	if name, ok := strings.CutPrefix(arn, s.busARN("")); ok {
		b, err := s.findBus(name)
		return b, nil, err
	}
	path, ok := strings.CutPrefix(arn, s.arn("events", "rule/"))
	if !ok {
		return nil, nil, awsjson.Errorf("ResourceNotFoundException", "Resource %s does not exist.", awsjson.Clip(arn))
	}
	busName, name, onBus := strings.Cut(path, "/")
	if !onBus {
		busName, name = defaultBus, path
	}
	return s.findRule(busName, name)
}

func tagMap(into map[string]string, tags []tag) map[string]string {
	if into = maps.Clone(into); into == nil {
		into = make(map[string]string, len(tags))
	}
	for _, t := range tags {
		into[t.Key] = t.Value
	}
	return into
}
