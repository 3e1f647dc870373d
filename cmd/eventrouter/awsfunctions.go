package main

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/internal/deployment"
)

// awsFunctions shows a deployment's functions: logs are CloudWatch's, dead
// letters are in two queues. The methods that it takes from the nil interface
// are those of commands that refuse --aws.
type awsFunctions struct {
	admin.Functions
	env    deployment.Environment
	logs   *cloudwatchlogs.Client
	queues *sqs.Client
	lambda *awslambda.Client
	seen   map[string]bool // ids of lines shown, of the newest millisecond
}

func newAWSFunctions(d *deployed) *awsFunctions {
	return &awsFunctions{
		env: d.env, logs: cloudwatchlogs.NewFromConfig(d.cfg), queues: sqs.NewFromConfig(d.cfg), lambda: awslambda.NewFromConfig(d.cfg),
	}
}

// lookBack is how far to look for the newest lines, step by step: CloudWatch
// reads from the oldest on.
var lookBack = []time.Duration{15 * time.Minute, 2 * time.Hour, 24 * time.Hour, 30 * 24 * time.Hour}

// Logs implements [admin.Functions]. A position is a time in milliseconds.
func (f *awsFunctions) Logs(ctx context.Context, function string, from int64, limit int) (admin.LogPage, error) {
	if from >= 0 {
		lines, err := f.lines(ctx, function, from)
		if err != nil {
			return admin.LogPage{}, err
		}
		return f.page(lines, from), nil
	}
	for i, back := range lookBack {
		lines, err := f.lines(ctx, function, time.Now().Add(-back).UnixMilli())
		if err != nil {
			return admin.LogPage{}, err
		}
		if newest := int(-from); len(lines) >= newest || i == len(lookBack)-1 {
			return f.page(lines[max(0, len(lines)-newest):], time.Now().UnixMilli()), nil
		}
	}
	return admin.LogPage{}, nil
}

func (f *awsFunctions) lines(ctx context.Context, function string, from int64) (lines []logstypes.FilteredLogEvent, err error) {
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(f.logs, &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: aws.String(deployment.LogGroup(function)), StartTime: aws.Int64(from),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fault.Wrap("logs of "+function, fault.Unavailable, err)
		}
		lines = append(lines, page.Events...)
	}
	// Streams come one after the other.
	slices.SortStableFunc(lines, func(a, b logstypes.FilteredLogEvent) int {
		return int(aws.ToInt64(a.Timestamp) - aws.ToInt64(b.Timestamp))
	})
	return lines, nil
}

// page leaves out what the page before has shown of its last millisecond, which
// more lines may have come to.
func (f *awsFunctions) page(lines []logstypes.FilteredLogEvent, from int64) admin.LogPage {
	page := admin.LogPage{Lines: []admin.LogLine{}, Next: from}
	before := f.seen
	if len(lines) > 0 {
		page.Next = aws.ToInt64(lines[len(lines)-1].Timestamp)
		f.seen = map[string]bool{}
	}
	for _, l := range lines {
		id, at := aws.ToString(l.EventId), aws.ToInt64(l.Timestamp)
		if at == page.Next {
			f.seen[id] = true
		}
		if !before[id] {
			page.Lines = append(page.Lines, admin.LogLine{Time: time.UnixMilli(at), Text: aws.ToString(l.Message)})
		}
	}
	return page
}
