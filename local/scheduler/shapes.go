package scheduler

import (
	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
)

// AWS's own shapes, as far as they are served.

type flexibleTimeWindow struct {
	MaximumWindowInMinutes *int   `json:"MaximumWindowInMinutes,omitempty" aws:"min=1,max=1440"`
	Mode                   string `json:"Mode" aws:"required,enum=OFF|FLEXIBLE"`
}

type deadLetterConfig struct {
	Arn string `json:"Arn,omitempty" aws:"max=1600,pattern=arn:aws(-[a-z]+)?:sqs:[a-z0-9\\-]+:\\d{12}:[a-zA-Z0-9\\-_]+"`
}

type eventBridgeParameters struct {
	DetailType string `json:"DetailType" aws:"required,max=128"`
	Source     string `json:"Source" aws:"required,max=256"`
}

type retryPolicy struct {
	MaximumEventAgeInSeconds *int `json:"MaximumEventAgeInSeconds,omitempty" aws:"min=60,max=86400"`
	MaximumRetryAttempts     *int `json:"MaximumRetryAttempts,omitempty" aws:"min=0,max=185"`
}

type sqsParameters struct {
	MessageGroupId string `json:"MessageGroupId,omitempty" aws:"max=128"`
}

type Target struct {
	Arn                   string                 `json:"Arn" aws:"required,max=1600"`
	DeadLetterConfig      *deadLetterConfig      `json:"DeadLetterConfig,omitempty"`
	EventBridgeParameters *eventBridgeParameters `json:"EventBridgeParameters,omitempty"`
	Input                 string                 `json:"Input,omitempty"`
	RetryPolicy           *retryPolicy           `json:"RetryPolicy,omitempty"`
	RoleArn               string                 `json:"RoleArn" aws:"required,max=1600,pattern=arn:aws(-[a-z]+)?:iam::\\d{12}:role\\/[\\w+=,.@\\/-]+"`
	SqsParameters         *sqsParameters         `json:"SqsParameters,omitempty"`
}

// withRetryPolicy returns the target with its retry policy complete: GetSchedule
// returns the defaults too (recorded on AWS, 2025-01-08).
func (t *Target) withRetryPolicy() *Target {
	target, policy := *t, retryPolicy{}
	if t.RetryPolicy != nil {
		policy = *t.RetryPolicy
	}
	if policy.MaximumEventAgeInSeconds == nil {
		policy.MaximumEventAgeInSeconds = new(86400)
	}
	if policy.MaximumRetryAttempts == nil {
		policy.MaximumRetryAttempts = new(185)
	}
	target.RetryPolicy = &policy
	return &target
}

type CreateScheduleInput struct {
	ActionAfterCompletion      string              `json:"ActionAfterCompletion,omitempty" aws:"enum=NONE|DELETE"`
	ClientToken                string              `json:"ClientToken,omitempty" aws:"max=64,pattern=[a-zA-Z0-9-_]+"`
	Description                string              `json:"Description,omitempty" aws:"max=512"`
	EndDate                    *awsjson.Time       `json:"EndDate,omitempty"`
	FlexibleTimeWindow         *flexibleTimeWindow `json:"FlexibleTimeWindow" aws:"required"`
	GroupName                  string              `json:"GroupName,omitempty" aws:"max=64,pattern=[0-9a-zA-Z-_.]+"`
	Name                       string              `path:"Name" json:"Name" aws:"required,max=64,pattern=[0-9a-zA-Z-_.]+"`
	ScheduleExpression         string              `json:"ScheduleExpression" aws:"required,max=256"`
	ScheduleExpressionTimezone string              `json:"ScheduleExpressionTimezone,omitempty" aws:"max=50"`
	StartDate                  *awsjson.Time       `json:"StartDate,omitempty"`
	State                      string              `json:"State,omitempty" aws:"enum=ENABLED|DISABLED"`
	Target                     *Target             `json:"Target" aws:"required"`
}

type CreateScheduleOutput struct {
	ScheduleArn string `json:"ScheduleArn,omitempty"`
}

type DeleteScheduleInput struct {
	ClientToken string `query:"clientToken" json:"clientToken,omitempty" aws:"max=64,pattern=[a-zA-Z0-9-_]+"`
	GroupName   string `query:"groupName" json:"groupName,omitempty" aws:"max=64,pattern=[0-9a-zA-Z-_.]+"`
	Name        string `path:"Name" json:"Name" aws:"required,max=64,pattern=[0-9a-zA-Z-_.]+"`
}

type GetScheduleInput struct {
	GroupName string `query:"groupName" json:"groupName,omitempty" aws:"max=64,pattern=[0-9a-zA-Z-_.]+"`
	Name      string `path:"Name" json:"Name" aws:"required,max=64,pattern=[0-9a-zA-Z-_.]+"`
}

type GetScheduleOutput struct {
	ActionAfterCompletion      string              `json:"ActionAfterCompletion,omitempty"`
	Arn                        string              `json:"Arn,omitempty"`
	CreationDate               *awsjson.Time       `json:"CreationDate,omitempty"`
	Description                string              `json:"Description,omitempty"`
	EndDate                    *awsjson.Time       `json:"EndDate,omitempty"`
	FlexibleTimeWindow         *flexibleTimeWindow `json:"FlexibleTimeWindow,omitempty"`
	GroupName                  string              `json:"GroupName,omitempty"`
	LastModificationDate       *awsjson.Time       `json:"LastModificationDate,omitempty"`
	Name                       string              `json:"Name,omitempty"`
	ScheduleExpression         string              `json:"ScheduleExpression,omitempty"`
	ScheduleExpressionTimezone string              `json:"ScheduleExpressionTimezone,omitempty"`
	StartDate                  *awsjson.Time       `json:"StartDate,omitempty"`
	State                      string              `json:"State,omitempty"`
	Target                     *Target             `json:"Target,omitempty"`
}

type ListSchedulesInput struct {
	GroupName  string `query:"ScheduleGroup" json:"ScheduleGroup,omitempty" aws:"max=64,pattern=[0-9a-zA-Z-_.]+"`
	MaxResults *int   `query:"MaxResults" json:"MaxResults,omitempty" aws:"min=1,max=100"`
	NamePrefix string `query:"NamePrefix" json:"NamePrefix,omitempty" aws:"max=64,pattern=[0-9a-zA-Z-_.]+"`
	NextToken  string `query:"NextToken" json:"NextToken,omitempty" aws:"max=2048"`
	State      string `query:"State" json:"State,omitempty" aws:"enum=ENABLED|DISABLED"`
}

type targetSummary struct {
	Arn string `json:"Arn,omitempty"`
}

type scheduleSummary struct {
	Arn                  string         `json:"Arn,omitempty"`
	CreationDate         *awsjson.Time  `json:"CreationDate,omitempty"`
	GroupName            string         `json:"GroupName,omitempty"`
	LastModificationDate *awsjson.Time  `json:"LastModificationDate,omitempty"`
	Name                 string         `json:"Name,omitempty"`
	State                string         `json:"State,omitempty"`
	Target               *targetSummary `json:"Target,omitempty"`
}

type ListSchedulesOutput struct {
	NextToken string            `json:"NextToken,omitempty"`
	Schedules []scheduleSummary `json:"Schedules"`
}

type UpdateScheduleInput struct {
	ActionAfterCompletion      string              `json:"ActionAfterCompletion,omitempty" aws:"enum=NONE|DELETE"`
	ClientToken                string              `json:"ClientToken,omitempty" aws:"max=64,pattern=[a-zA-Z0-9-_]+"`
	Description                string              `json:"Description,omitempty" aws:"max=512"`
	EndDate                    *awsjson.Time       `json:"EndDate,omitempty"`
	FlexibleTimeWindow         *flexibleTimeWindow `json:"FlexibleTimeWindow" aws:"required"`
	GroupName                  string              `json:"GroupName,omitempty" aws:"max=64,pattern=[0-9a-zA-Z-_.]+"`
	Name                       string              `path:"Name" json:"Name" aws:"required,max=64,pattern=[0-9a-zA-Z-_.]+"`
	ScheduleExpression         string              `json:"ScheduleExpression" aws:"required,max=256"`
	ScheduleExpressionTimezone string              `json:"ScheduleExpressionTimezone,omitempty" aws:"max=50"`
	StartDate                  *awsjson.Time       `json:"StartDate,omitempty"`
	State                      string              `json:"State,omitempty" aws:"enum=ENABLED|DISABLED"`
	Target                     *Target             `json:"Target" aws:"required"`
}

type UpdateScheduleOutput struct {
	ScheduleArn string `json:"ScheduleArn,omitempty"`
}
