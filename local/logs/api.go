package logs

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/datafile"
)

// Service is CloudWatch Logs' API, as far as it is served.
func (g *Groups) Service(log *slog.Logger) *awsjson.Service {
	return awsjson.NewService("Logs_20140328", "1.1", log,
		awsjson.Op("CreateLogGroup", g.CreateLogGroup),
		awsjson.Op("DeleteLogGroup", g.DeleteLogGroup),
		awsjson.Op("DescribeLogGroups", g.DescribeLogGroups),
		awsjson.Op("DescribeLogStreams", g.DescribeLogStreams),
		awsjson.Op("GetLogEvents", g.GetLogEvents),
		awsjson.Op("FilterLogEvents", g.FilterLogEvents),
		awsjson.Op("PutResourcePolicy", g.PutResourcePolicy),
		awsjson.Op("DescribeResourcePolicies", g.DescribeResourcePolicies),
		awsjson.Op("DeleteResourcePolicy", g.DeleteResourcePolicy),
	).OnViolation(invalidParameter)
}

// invalidParameter returns the violation of a constraint as CloudWatch Logs returns it
// (recorded on AWS, 2026-02-03).
func invalidParameter(e *awsjson.Error) error {
	const tooLong = "failed to satisfy constraint: Member must have length less than or equal to 512"
	message := e.Message
	if strings.HasPrefix(message, "1 ") && strings.HasSuffix(message, tooLong) && (strings.Contains(message, "' at 'logGroupName' ") || strings.Contains(message, "' at 'logStreamName' ")) {
		message = "Invalid LogGroup or LogStream, both must have length less than or equal to 512."
	}
	return awsjson.Errorf("InvalidParameterException", "%s", message)
}

type CreateLogGroupInput struct {
	LogGroupName string            `json:"logGroupName" aws:"required,max=512,pattern=[\\.\\-_/#A-Za-z0-9]+"`
	Tags         map[string]string `json:"tags,omitempty" aws:"min=1,max=50"`
}

type DeleteLogGroupInput struct {
	LogGroupName string `json:"logGroupName" aws:"required,max=512,pattern=[\\.\\-_/#A-Za-z0-9]+"`
}

type DescribeLogGroupsInput struct {
	LogGroupNamePrefix  string `json:"logGroupNamePrefix,omitempty" aws:"max=512,pattern=[\\.\\-_/#A-Za-z0-9]+"`
	LogGroupNamePattern string `json:"logGroupNamePattern,omitempty" aws:"max=512,pattern=[\\.\\-_/#A-Za-z0-9]*"`
	NextToken           string `json:"nextToken,omitempty"`
	Limit               *int   `json:"limit,omitempty" aws:"min=1,max=50"`
}

type logGroup struct {
	LogGroupName      string `json:"logGroupName,omitempty"`
	CreationTime      int    `json:"creationTime"`
	MetricFilterCount int    `json:"metricFilterCount"`
	Arn               string `json:"arn,omitempty"`
	StoredBytes       *int   `json:"storedBytes,omitempty"` // absent if the groups are selected by a pattern
	LogGroupArn       string `json:"logGroupArn,omitempty"`
	LogGroupClass     string `json:"logGroupClass,omitempty"`

	DeletionProtectionEnabled *bool `json:"deletionProtectionEnabled,omitempty"`
}

type DescribeLogGroupsOutput struct {
	LogGroups []logGroup `json:"logGroups"`
	NextToken string     `json:"nextToken,omitempty"`
}

type DescribeLogStreamsInput struct {
	LogGroupName        string `json:"logGroupName,omitempty" aws:"max=512,pattern=[\\.\\-_/#A-Za-z0-9]+"`
	LogGroupIdentifier  string `json:"logGroupIdentifier,omitempty" aws:"max=2048,pattern=[\\w#+=/:,.@-]*"`
	LogStreamNamePrefix string `json:"logStreamNamePrefix,omitempty" aws:"max=512,pattern=[^:*]*"`
	OrderBy             string `json:"orderBy,omitempty" aws:"enum=LogStreamName|LastEventTime"`
	Descending          *bool  `json:"descending,omitempty"`
	NextToken           string `json:"nextToken,omitempty"`
	Limit               *int   `json:"limit,omitempty" aws:"min=1,max=50"`
}

type logStream struct {
	LogStreamName       string `json:"logStreamName,omitempty"`
	CreationTime        int    `json:"creationTime,omitempty"`
	FirstEventTimestamp int    `json:"firstEventTimestamp,omitempty"`
	LastEventTimestamp  int    `json:"lastEventTimestamp,omitempty"`
	LastIngestionTime   int    `json:"lastIngestionTime,omitempty"`
	Arn                 string `json:"arn,omitempty"`
	StoredBytes         int    `json:"storedBytes"`
}

type DescribeLogStreamsOutput struct {
	LogStreams []logStream `json:"logStreams"`
	NextToken  string      `json:"nextToken,omitempty"`
}

type GetLogEventsInput struct {
	LogGroupName       string `json:"logGroupName,omitempty" aws:"max=512,pattern=[\\.\\-_/#A-Za-z0-9]+"`
	LogGroupIdentifier string `json:"logGroupIdentifier,omitempty" aws:"max=2048,pattern=[\\w#+=/:,.@-]*"`
	LogStreamName      string `json:"logStreamName" aws:"required,max=512,pattern=[^:*]*"`
	StartTime          *int   `json:"startTime,omitempty" aws:"min=0"`
	EndTime            *int   `json:"endTime,omitempty" aws:"min=0"`
	NextToken          string `json:"nextToken,omitempty"`
	Limit              *int   `json:"limit,omitempty" aws:"min=1,max=10000"`
	StartFromHead      *bool  `json:"startFromHead,omitempty"`
}

type outputLogEvent struct {
	Timestamp     int    `json:"timestamp,omitempty"`
	Message       string `json:"message,omitempty"`
	IngestionTime int    `json:"ingestionTime,omitempty"`
}

type GetLogEventsOutput struct {
	Events            []outputLogEvent `json:"events"`
	NextForwardToken  string           `json:"nextForwardToken,omitempty"`
	NextBackwardToken string           `json:"nextBackwardToken,omitempty"`
}

type FilterLogEventsInput struct {
	LogGroupName        string   `json:"logGroupName,omitempty" aws:"max=512,pattern=[\\.\\-_/#A-Za-z0-9]+"`
	LogGroupIdentifier  string   `json:"logGroupIdentifier,omitempty" aws:"max=2048,pattern=[\\w#+=/:,.@-]*"`
	LogStreamNames      []string `json:"logStreamNames,omitempty" aws:"min=1,max=100"`
	LogStreamNamePrefix string   `json:"logStreamNamePrefix,omitempty" aws:"max=512,pattern=[^:*]*"`
	StartTime           *int     `json:"startTime,omitempty" aws:"min=0"`
	EndTime             *int     `json:"endTime,omitempty" aws:"min=0"`
	FilterPattern       string   `json:"filterPattern,omitempty" aws:"max=1024"`
	NextToken           string   `json:"nextToken,omitempty"`
	Limit               *int     `json:"limit,omitempty" aws:"min=1,max=10000"`
}

type filteredLogEvent struct {
	LogStreamName string `json:"logStreamName,omitempty"`
	Timestamp     int    `json:"timestamp,omitempty"`
	Message       string `json:"message,omitempty"`
	IngestionTime int    `json:"ingestionTime,omitempty"`
	EventId       string `json:"eventId,omitempty"`
}

type searchedLogStream struct {
	LogStreamName      string `json:"logStreamName,omitempty"`
	SearchedCompletely bool   `json:"searchedCompletely,omitempty"`
}

type FilterLogEventsOutput struct {
	Events             []filteredLogEvent  `json:"events"`
	SearchedLogStreams []searchedLogStream `json:"searchedLogStreams"`
	NextToken          string              `json:"nextToken,omitempty"`
}

// A group's lines lie in one stream a day. On AWS each instance of a function
// has its own; here there is one.
const streamLayout = "2006/01/02/[$LATEST]local"

func (line *Line) stream() string { return line.Time.UTC().Format(streamLayout) }

func (g *Groups) arn(name string) string {
	return "arn:aws:logs:" + g.opts.Region + ":" + g.opts.Account + ":log-group:" + name
}

// NameOf is the name of the group that an ARN names here.
func (g *Groups) NameOf(arn string) (name string, ok bool) {
	name, ok = strings.CutPrefix(arn, g.arn(""))
	name, _, _ = strings.Cut(name, ":")
	return name, ok
}

func errNoGroup() error {
	return awsjson.Errorf("ResourceNotFoundException", "The specified log group does not exist.")
}

// CreateLogGroup makes a group, for a rule's target.
func (g *Groups) CreateLogGroup(ctx context.Context, in *CreateLogGroupInput) (*awsjson.None, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.byName[in.LogGroupName] != nil {
		return nil, awsjson.Errorf("ResourceAlreadyExistsException", "The specified log group already exists")
	}
	one := &group{Created: g.opts.Now()}
	record, err := json.Marshal(one)
	if err != nil {
		return nil, err
	}
	if err := g.file.Commit(ctx, []datafile.Write{g.file.Put(BucketGroups, []byte(in.LogGroupName), record)}); err != nil {
		return nil, err
	}
	g.byName[in.LogGroupName] = one
	return nil, nil
}

// DeleteLogGroup removes a group with its lines.
func (g *Groups) DeleteLogGroup(ctx context.Context, in *DeleteLogGroupInput) (*awsjson.None, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	one := g.byName[in.LogGroupName]
	if one == nil {
		return nil, errNoGroup()
	}
	writes := []datafile.Write{g.file.Remove(BucketGroups, []byte(in.LogGroupName))}
	for _, c := range one.chunks {
		writes = append(writes, g.file.Remove(BucketLines, chunkKey(in.LogGroupName, c.first)))
	}
	if err := g.file.Commit(ctx, writes); err != nil {
		return nil, err
	}
	delete(g.byName, in.LogGroupName)
	return nil, nil
}

// DescribeLogGroups lists groups by name.
func (g *Groups) DescribeLogGroups(_ context.Context, in *DescribeLogGroupsInput) (*DescribeLogGroupsOutput, error) {
	if in.LogGroupNamePrefix != "" && in.LogGroupNamePattern != "" {
		return nil, awsjson.Errorf("InvalidParameterException", "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	matching := map[string]*group{}
	for name, one := range g.byName {
		if strings.HasPrefix(name, in.LogGroupNamePrefix) && strings.Contains(name, in.LogGroupNamePattern) {
			matching[name] = one
		}
	}
	most := 50
	if in.Limit != nil {
		most = *in.Limit
	}
	names, next, err := awsjson.Page(matching, "", in.NextToken, &most)
	if err != nil {
		return nil, errToken()
	}
	out := &DescribeLogGroupsOutput{LogGroups: []logGroup{}, NextToken: next}
	for _, name := range names {
		one := g.byName[name]
		described := logGroup{LogGroupName: name, CreationTime: int(one.Created.UnixMilli()), Arn: g.arn(name) + ":*", LogGroupArn: g.arn(name), LogGroupClass: "STANDARD"}
		if in.LogGroupNamePattern == "" {
			described.StoredBytes, described.DeletionProtectionEnabled = new(one.bytes()), new(false)
		}
		out.LogGroups = append(out.LogGroups, described)
	}
	return out, nil
}

func errToken() error {
	return awsjson.Errorf("InvalidParameterException", "The specified nextToken is invalid.")
}

func (one *group) bytes() int {
	n := 0
	for i := range one.lines {
		n += len(one.lines[i].Text)
	}
	return n
}

// lines are the kept lines of the group that a name or an identifier names.
func (g *Groups) lines(name, identifier string) ([]Line, error) {
	switch {
	case name != "" && identifier != "":
		return nil, awsjson.Errorf("ValidationException", "LogGroup name and LogGroup ARN are mutually exclusive parameters.")
	case name == "" && identifier == "":
		return nil, awsjson.Errorf("InvalidParameterException", "One of logGroupName and logGroupIdentifier is required.")
	}
	name = g.groupName(name, identifier)
	if !g.Has(name) {
		return nil, errNoGroup()
	}
	return g.after(name, 0), nil
}

// groupName returns the name of a group that is given by name, or by an identifier that
// is a name or an ARN.
func (g *Groups) groupName(name, identifier string) string {
	if name != "" {
		return name
	}
	if inner, ok := g.NameOf(identifier); ok {
		return inner
	}
	return identifier
}

// DescribeLogStreams lists the streams of a group, by name or newest first.
func (g *Groups) DescribeLogStreams(_ context.Context, in *DescribeLogStreamsInput) (*DescribeLogStreamsOutput, error) {
	lines, err := g.lines(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	var streams []logStream // in the order of time, which is that of the names
	for i := range lines {
		line := &lines[i]
		name, at := line.stream(), int(line.Time.UnixMilli())
		if !strings.HasPrefix(name, in.LogStreamNamePrefix) {
			continue
		}
		if n := len(streams); n == 0 || streams[n-1].LogStreamName != name {
			streams = append(streams, logStream{LogStreamName: name, CreationTime: at, FirstEventTimestamp: at,
				Arn: g.arn(g.groupName(in.LogGroupName, in.LogGroupIdentifier)) + ":log-stream:" + name})
		}
		newest := &streams[len(streams)-1]
		newest.LastEventTimestamp, newest.LastIngestionTime = at, at
		newest.StoredBytes += len(line.Text)
	}
	if in.Descending != nil && *in.Descending {
		slices.Reverse(streams)
	}
	from, err := offset(in.NextToken)
	if err != nil {
		return nil, err
	}
	most := 50
	if in.Limit != nil {
		most = *in.Limit
	}
	page, next := window(streams, from, most)
	return &DescribeLogStreamsOutput{LogStreams: page, NextToken: next}, nil
}

// offset reads a page token: the position of the page's first element.
func offset(token string) (int, error) {
	if token == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(token)
	if err != nil || n < 0 {
		return 0, errToken()
	}
	return n, nil
}

// window is a page of a list, and the token of the next.
func window[T any](all []T, from, most int) (page []T, next string) {
	from = min(from, len(all))
	if len(all)-from > most {
		return all[from : from+most], strconv.Itoa(from + most)
	}
	return all[from:], ""
}

// between tells whether a line lies in the time asked for, in milliseconds, the
// end excluded.
func (line *Line) between(start, end *int) bool {
	at := int(line.Time.UnixMilli())
	return (start == nil || at >= *start) && (end == nil || at < *end)
}

// GetLogEvents gets the lines of one stream, the newest where no token or
// StartFromHead says otherwise. Both tokens are always there: on the last page
// the forward token is the one that was sent, as on AWS.
func (g *Groups) GetLogEvents(_ context.Context, in *GetLogEventsInput) (*GetLogEventsOutput, error) {
	lines, err := g.lines(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	exists := false
	lines = slices.DeleteFunc(lines, func(line Line) bool {
		inStream := line.stream() == in.LogStreamName
		exists = exists || inStream
		return !inStream || !line.between(in.StartTime, in.EndTime)
	})
	if !exists {
		return nil, awsjson.Errorf("ResourceNotFoundException", "The specified log stream does not exist.")
	}
	most := 10_000
	if in.Limit != nil {
		most = *in.Limit
	}
	// A token names the line that it goes on from.
	direction, from, err := parseToken(in.NextToken)
	if err != nil {
		return nil, err
	}
	switch {
	case direction == "f":
		lines = slices.DeleteFunc(lines, func(line Line) bool { return line.Seq <= from })
	case direction == "b":
		lines = slices.DeleteFunc(lines, func(line Line) bool { return line.Seq >= from })
	}
	backward := direction == "b" || direction == "" && (in.StartFromHead == nil || !*in.StartFromHead)
	if n := len(lines); n > most {
		if backward {
			lines = lines[n-most:]
		} else {
			lines = lines[:most]
		}
	}
	first, last := from, from
	out := &GetLogEventsOutput{Events: []outputLogEvent{}}
	for i := range lines {
		at := int(lines[i].Time.UnixMilli())
		out.Events = append(out.Events, outputLogEvent{Timestamp: at, IngestionTime: at, Message: lines[i].Text})
	}
	if len(lines) > 0 {
		first, last = lines[0].Seq, lines[len(lines)-1].Seq
	}
	out.NextForwardToken, out.NextBackwardToken = fmt.Sprintf("f/%056d", last), fmt.Sprintf("b/%056d", first)
	return out, nil
}

func parseToken(token string) (direction string, from uint64, err error) {
	if token == "" {
		return "", 0, nil
	}
	direction, number, _ := strings.Cut(token, "/")
	from, err = strconv.ParseUint(number, 10, 64)
	if err != nil || direction != "f" && direction != "b" {
		return "", 0, errToken()
	}
	return direction, from, nil
}

// FilterLogEvents searches all streams of a group, in the order of time.
func (g *Groups) FilterLogEvents(_ context.Context, in *FilterLogEventsInput) (*FilterLogEventsOutput, error) {
	lines, err := g.lines(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	matches, err := parseFilter(in.FilterPattern)
	if err != nil {
		return nil, err
	}
	lines = slices.DeleteFunc(lines, func(line Line) bool {
		stream := line.stream()
		return !line.between(in.StartTime, in.EndTime) || !matches(line.Text) ||
			!strings.HasPrefix(stream, in.LogStreamNamePrefix) ||
			len(in.LogStreamNames) > 0 && !slices.Contains(in.LogStreamNames, stream)
	})
	most := 10_000
	if in.Limit != nil {
		most = *in.Limit
	}
	from, err := offset(in.NextToken)
	if err != nil {
		return nil, err
	}
	page, next := window(lines, from, most)
	out := &FilterLogEventsOutput{Events: []filteredLogEvent{}, SearchedLogStreams: []searchedLogStream{}, NextToken: next}
	for i := range page {
		at := int(page[i].Time.UnixMilli())
		out.Events = append(out.Events, filteredLogEvent{LogStreamName: page[i].stream(), Timestamp: at, IngestionTime: at,
			Message: page[i].Text, EventId: fmt.Sprintf("%056d", page[i].Seq)})
	}
	return out, nil
}
