package local

import "github.com/blockforger/eventrouter/local/awsjson"

// eventsService is EventBridge's API.
func (s *Server) eventsService() *awsjson.Service {
	return awsjson.NewService("AWSEvents", "1.1", s.log,
		awsjson.Op("PutEvents", s.PutEvents),
		awsjson.Op("PutRule", s.PutRule),
		awsjson.Op("PutTargets", s.PutTargets),
	)
}
