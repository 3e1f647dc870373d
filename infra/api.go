package main

import (
	"encoding/json"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/blockforger/eventrouter/internal/names"
)

// API is the HTTP API in front of the function.
type API struct {
	ID, URL *string
}

// NewAPI leads every request to the function, which knows the paths and checks
// the API key itself: one pipeline for events and for REST.
func NewAPI(parent constructs.Construct, c Config, f *Function) *API {
	scope := constructs.NewConstruct(parent, jsii.String("Api"))
	api := awsapigatewayv2.NewCfnApi(scope, jsii.String("Http"), &awsapigatewayv2.CfnApiProps{
		Name:         jsii.String(c.Environment.Name(names.API)),
		ProtocolType: jsii.String("HTTP"),
	})
	integration := awsapigatewayv2.NewCfnIntegration(scope, jsii.String("Integration"), &awsapigatewayv2.CfnIntegrationProps{
		ApiId:                api.Ref(),
		IntegrationType:      jsii.String("AWS_PROXY"),
		IntegrationUri:       f.lambda.FunctionArn(),
		PayloadFormatVersion: jsii.String("2.0"),
	})
	route := awsapigatewayv2.NewCfnRoute(scope, jsii.String("Route"), &awsapigatewayv2.CfnRouteProps{
		ApiId:             api.Ref(),
		RouteKey:          jsii.String("$default"),
		AuthorizationType: jsii.String("NONE"),
		Target:            jsii.String("integrations/" + *integration.Ref()),
	})
	except(route, "AwsSolutions-APIG4", "The function checks the API key, as it does for events: one answer, whatever was wrong with the key.")
	group := newLogGroup(scope, "Log", c.Environment.Name(names.APILogGroup), c)
	awsapigatewayv2.NewCfnStage(scope, jsii.String("Stage"), &awsapigatewayv2.CfnStageProps{
		ApiId:      api.Ref(),
		StageName:  jsii.String("$default"),
		AutoDeploy: jsii.Bool(true),
		AccessLogSettings: &awsapigatewayv2.CfnStage_AccessLogSettingsProperty{
			DestinationArn: group.LogGroupArn(),
			Format:         jsii.String(accessLogFormat()),
		},
		DefaultRouteSettings: &awsapigatewayv2.CfnStage_RouteSettingsProperty{
			DetailedMetricsEnabled: jsii.Bool(true),
			ThrottlingRateLimit:    jsii.Number(c.APIRate),
			ThrottlingBurstLimit:   jsii.Number(c.APIBurst),
		},
	})
	f.lambda.AddPermission(jsii.String("Api"), &awslambda.Permission{
		Principal: awsiam.NewServicePrincipal(jsii.String("apigateway.amazonaws.com"), nil),
		SourceArn: awscdk.Stack_Of(scope).FormatArn(&awscdk.ArnComponents{
			Service: jsii.String("execute-api"), Resource: api.Ref(), ResourceName: jsii.String("*/$default"),
		}),
		// No SourceAccount: API Gateway sends none, and SourceArn contains the account.
	})
	return &API{ID: api.Ref(), URL: api.AttrApiEndpoint()}
}

// accessLogFormat names what a line of the access log holds: no header, so no API
// key, and no path, which holds record keys.
func accessLogFormat() string {
	format, _ := json.Marshal(map[string]string{ // sorted by name
		"requestId": "$context.requestId", "time": "$context.requestTime", "ip": "$context.identity.sourceIp",
		"method": "$context.httpMethod", "status": "$context.status",
		"latencyMs": "$context.responseLatency", "bytes": "$context.responseLength", "error": "$context.integrationErrorMessage",
	})
	return string(format)
}
