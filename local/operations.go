package local

import (
	"maps"
	"reflect"
	"slices"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/awsapi/restjson"
	"github.com/blockforger/eventrouter/local/sts"
)

// An Operation is one call of AWS's that is served here.
type Operation struct {
	Name          string
	Path          string       // method and path, for services that go by them
	Input, Output reflect.Type // structs
}

// Operations lists what is served, by service as the AWS CLI names it. Lambda's
// Invoke, whose payload is no shape, is served as well.
func (s *Server) Operations() map[string][]Operation {
	all := map[string][]Operation{
		"scheduler": restOperations(s.schedules.Operations()),
		"lambda":    restOperations(s.Functions.Operations()),
		"schemas":   restOperations(s.registries.Operations()),
		"sts": {{Name: sts.GetCallerIdentity, Input: reflect.TypeFor[sts.GetCallerIdentityInput](),
			Output: reflect.TypeFor[sts.GetCallerIdentityOutput]()}},
	}
	for name, service := range map[string]*awsjson.Service{"events": s.EventBridge.API(), "sqs": s.queues.Service(s.log),
		"logs": s.logs.Service(s.log), "cloudwatch": s.metrics.Service()} {
		ops := service.Operations()
		for _, op := range slices.Sorted(maps.Keys(ops)) {
			all[name] = append(all[name], Operation{Name: op, Input: ops[op].Input, Output: ops[op].Output})
		}
	}
	return all
}

func restOperations(ops []restjson.Operation) []Operation {
	var list []Operation
	for _, op := range ops {
		list = append(list, Operation{Name: op.Name, Path: op.Pattern, Input: op.Input, Output: op.Output})
	}
	return list
}
