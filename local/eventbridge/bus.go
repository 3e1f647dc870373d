package eventbridge

import (
	"context"
	"maps"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/datafile"
	"github.com/blockforger/eventrouter/local/delivery"
)

type CreateEventBusInput struct {
	Name             string                     `json:"Name" aws:"required,min=1,max=256,pattern=[/\\.\\-_A-Za-z0-9]+"`
	EventSourceName  string                     `json:"EventSourceName,omitempty" aws:"min=1,max=256,pattern=aws\\.partner(/[\\.\\-_A-Za-z0-9]+){2,}"`
	Description      string                     `json:"Description,omitempty" aws:"max=512"`
	DeadLetterConfig *delivery.DeadLetterConfig `json:"DeadLetterConfig,omitempty"`
	Tags             []tag                      `json:"Tags,omitempty"`
}

type CreateEventBusOutput struct {
	EventBusArn      string                     `json:"EventBusArn,omitempty"`
	Description      string                     `json:"Description,omitempty"`
	DeadLetterConfig *delivery.DeadLetterConfig `json:"DeadLetterConfig,omitempty"`
}

type DeleteEventBusInput struct {
	Name string `json:"Name" aws:"required,min=1,max=256,pattern=[/\\.\\-_A-Za-z0-9]+"`
}

type DescribeEventBusInput struct {
	Name string `json:"Name,omitempty" aws:"min=1,max=1600,pattern=(arn:aws[\\w-]*:events:[a-z]+-[a-z]+-[\\w-]+:[0-9]{12}:event-bus\\/)?[/\\.\\-_A-Za-z0-9]+"`
}

type DescribeEventBusOutput struct {
	Name             string                     `json:"Name,omitempty"`
	Arn              string                     `json:"Arn,omitempty"`
	Description      string                     `json:"Description,omitempty"`
	DeadLetterConfig *delivery.DeadLetterConfig `json:"DeadLetterConfig,omitempty"`
	Policy           string                     `json:"Policy,omitempty"`
	CreationTime     *awsjson.Time              `json:"CreationTime,omitempty"`
	LastModifiedTime *awsjson.Time              `json:"LastModifiedTime,omitempty"`
}

type ListEventBusesInput struct {
	NamePrefix string `json:"NamePrefix,omitempty" aws:"min=1,max=256,pattern=[/\\.\\-_A-Za-z0-9]+"`
	NextToken  string `json:"NextToken,omitempty" aws:"min=1,max=2048"`
	Limit      *int   `json:"Limit,omitempty" aws:"min=1,max=100"`
}

type busSummary struct {
	Name             string        `json:"Name,omitempty"`
	Arn              string        `json:"Arn,omitempty"`
	Description      string        `json:"Description,omitempty"`
	Policy           string        `json:"Policy,omitempty"`
	CreationTime     *awsjson.Time `json:"CreationTime,omitempty"`
	LastModifiedTime *awsjson.Time `json:"LastModifiedTime,omitempty"`
}

type ListEventBusesOutput struct {
	EventBuses []busSummary `json:"EventBuses"`
	NextToken  string       `json:"NextToken,omitempty"`
}

type UpdateEventBusInput struct {
	Name             string                     `json:"Name,omitempty" aws:"min=1,max=256,pattern=[/\\.\\-_A-Za-z0-9]+"`
	Description      string                     `json:"Description,omitempty" aws:"max=512"`
	DeadLetterConfig *delivery.DeadLetterConfig `json:"DeadLetterConfig,omitempty"`
}

type UpdateEventBusOutput struct {
	Arn              string                     `json:"Arn,omitempty"`
	Name             string                     `json:"Name,omitempty"`
	Description      string                     `json:"Description,omitempty"`
	DeadLetterConfig *delivery.DeadLetterConfig `json:"DeadLetterConfig,omitempty"`
}

// CreateEventBus creates a bus.
func (s *Service) CreateEventBus(ctx context.Context, in *CreateEventBusInput) (*CreateEventBusOutput, error) {
	if strings.Contains(in.Name, "/") {
		return nil, awsjson.Errorf("ValidationException", "Event bus name must not contain '/'.")
	}
	s.catalog.mu.Lock()
	defer s.catalog.mu.Unlock()
	if s.catalog.buses[in.Name] != nil {
		return nil, awsjson.Errorf("ResourceAlreadyExistsException", "Event bus %s already exists.", in.Name)
	}
	b := newBus(in.Name, s.opts.Now())
	b.Description, b.DeadLetter, b.Tags = in.Description, in.DeadLetterConfig, tagMap(nil, in.Tags)
	if err := s.keepBus(ctx, b); err != nil {
		return nil, err
	}
	return &CreateEventBusOutput{EventBusArn: s.busARN(b.Name), Description: b.Description, DeadLetterConfig: b.DeadLetter}, nil
}

// keepBus writes a bus to disk and to the catalog, which is locked.
func (s *Service) keepBus(ctx context.Context, b *bus) error {
	record, err := json.Marshal(b)
	if err != nil {
		return err
	}
	if err := s.file.Commit(ctx, []datafile.Write{s.file.Put(bucketBuses, []byte(b.Name), record)}); err != nil {
		return err
	}
	s.catalog.buses[b.Name] = b
	return nil
}

// DeleteEventBus removes a bus that has no rules. Deleting a bus that does not
// exist succeeds, as on AWS.
func (s *Service) DeleteEventBus(ctx context.Context, in *DeleteEventBusInput) (*awsjson.None, error) {
	if in.Name == defaultBus {
		return nil, awsjson.Errorf("ValidationException", "Cannot delete event bus default.")
	}
	s.catalog.mu.Lock()
	defer s.catalog.mu.Unlock()
	b := s.catalog.buses[in.Name]
	if b == nil {
		return nil, nil
	}
	if len(b.rules) > 0 {
		return nil, awsjson.Errorf("ValidationException", "Cannot delete event bus %s since it has rules.", in.Name)
	}
	if err := s.file.Commit(ctx, []datafile.Write{s.file.Remove(bucketBuses, []byte(in.Name))}); err != nil {
		return nil, err
	}
	delete(s.catalog.buses, in.Name)
	return nil, nil
}

// DescribeEventBus returns a bus, the default bus if the input names none.
func (s *Service) DescribeEventBus(_ context.Context, in *DescribeEventBusInput) (*DescribeEventBusOutput, error) {
	s.catalog.mu.RLock()
	defer s.catalog.mu.RUnlock()
	b, err := s.findBus(in.Name)
	if err != nil {
		return nil, err
	}
	return &DescribeEventBusOutput{Name: b.Name, Arn: s.busARN(b.Name), Description: b.Description,
		DeadLetterConfig: b.DeadLetter, Policy: b.Policy, CreationTime: &b.Created, LastModifiedTime: &b.Modified}, nil
}

// ListEventBuses lists the buses of this account and region by name.
func (s *Service) ListEventBuses(_ context.Context, in *ListEventBusesInput) (*ListEventBusesOutput, error) {
	s.catalog.mu.RLock()
	defer s.catalog.mu.RUnlock()
	names, next, err := awsjson.Page(s.catalog.buses, in.NamePrefix, in.NextToken, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &ListEventBusesOutput{EventBuses: []busSummary{}, NextToken: next}
	for _, name := range names {
		b := s.catalog.buses[name]
		out.EventBuses = append(out.EventBuses, busSummary{Name: name, Arn: s.busARN(name), Description: b.Description,
			Policy: b.Policy, CreationTime: &b.Created, LastModifiedTime: &b.Modified})
	}
	return out, nil
}

// UpdateEventBus replaces description and dead-letter queue.
func (s *Service) UpdateEventBus(ctx context.Context, in *UpdateEventBusInput) (*UpdateEventBusOutput, error) {
	b, err := s.changeBus(ctx, in.Name, func(b *bus) error {
		b.Description, b.DeadLetter = in.Description, in.DeadLetterConfig
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &UpdateEventBusOutput{Arn: s.busARN(b.Name), Name: b.Name, Description: b.Description, DeadLetterConfig: b.DeadLetter}, nil
}

// changeBus replaces a bus by a changed copy.
func (s *Service) changeBus(ctx context.Context, nameOrARN string, change func(*bus) error) (*bus, error) {
	s.catalog.mu.Lock()
	defer s.catalog.mu.Unlock()
	old, err := s.findBus(nameOrARN)
	if err != nil {
		return nil, err
	}
	b := *old
	b.Tags = maps.Clone(old.Tags)
	if err := change(&b); err != nil {
		return nil, err
	}
	b.Modified = awsjson.Time{Time: s.opts.Now()}
	return &b, s.keepBus(ctx, &b)
}
