package eventbridge

import (
	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
)

// API returns EventBridge's API.
func (s *Service) API() *awsjson.Service {
	return awsjson.NewService("AWSEvents", "1.1", s.opts.Log,
		awsjson.Op("PutEvents", s.PutEvents),
		awsjson.Op("PutRule", s.PutRule),
		awsjson.Op("DeleteRule", s.DeleteRule),
		awsjson.Op("DescribeRule", s.DescribeRule),
		awsjson.Op("ListRules", s.ListRules),
		awsjson.Op("EnableRule", s.EnableRule),
		awsjson.Op("DisableRule", s.DisableRule),
		awsjson.Op("ListRuleNamesByTarget", s.ListRuleNamesByTarget),
		awsjson.Op("PutTargets", s.PutTargets),
		awsjson.Op("RemoveTargets", s.RemoveTargets),
		awsjson.Op("ListTargetsByRule", s.ListTargetsByRule),
		awsjson.Op("CreateEventBus", s.CreateEventBus),
		awsjson.Op("DeleteEventBus", s.DeleteEventBus),
		awsjson.Op("DescribeEventBus", s.DescribeEventBus),
		awsjson.Op("ListEventBuses", s.ListEventBuses),
		awsjson.Op("UpdateEventBus", s.UpdateEventBus),
		awsjson.Op("PutPermission", s.PutPermission),
		awsjson.Op("RemovePermission", s.RemovePermission),
		awsjson.Op("TagResource", s.TagResource),
		awsjson.Op("UntagResource", s.UntagResource),
		awsjson.Op("ListTagsForResource", s.ListTagsForResource),
		awsjson.Op("TestEventPattern", s.TestEventPattern),
		awsjson.Op("CreateArchive", s.CreateArchive),
		awsjson.Op("DeleteArchive", s.DeleteArchive),
		awsjson.Op("DescribeArchive", s.DescribeArchive),
		awsjson.Op("ListArchives", s.ListArchives),
		awsjson.Op("UpdateArchive", s.UpdateArchive),
		awsjson.Op("StartReplay", s.StartReplay),
		awsjson.Op("CancelReplay", s.CancelReplay),
		awsjson.Op("DescribeReplay", s.DescribeReplay),
		awsjson.Op("ListReplays", s.ListReplays),
		awsjson.Op("CreateConnection", s.CreateConnection),
		awsjson.Op("DescribeConnection", s.DescribeConnection),
		awsjson.Op("UpdateConnection", s.UpdateConnection),
		awsjson.Op("DeauthorizeConnection", s.DeauthorizeConnection),
		awsjson.Op("DeleteConnection", s.DeleteConnection),
		awsjson.Op("ListConnections", s.ListConnections),
		awsjson.Op("CreateApiDestination", s.CreateApiDestination),
		awsjson.Op("DescribeApiDestination", s.DescribeApiDestination),
		awsjson.Op("UpdateApiDestination", s.UpdateApiDestination),
		awsjson.Op("DeleteApiDestination", s.DeleteApiDestination),
		awsjson.Op("ListApiDestinations", s.ListApiDestinations),
	)
}
