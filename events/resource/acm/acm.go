// Package acm leads from Certificate Manager's events to its certificates.
package acm

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/acm/types"

	acmevents "github.com/blockforger/eventrouter/events/aws/acm"
	"github.com/blockforger/eventrouter/events/resource"
	"github.com/blockforger/eventrouter/events/typed"
)

// New makes a client, for [resource.NewClients].
func New(cfg aws.Config) *acm.Client { return acm.NewFromConfig(cfg) }

// Certificate reads the certificate that is about to expire.
func Certificate(ctx context.Context, c *resource.Clients[*acm.Client], e *typed.Event[acmevents.CertificateApproachingExpiration]) (types.CertificateDetail, error) {
	const op = "acm.Certificate"
	arn := ""
	for _, r := range e.Resources() {
		if r.Type == "AWS::CertificateManager::Certificate" && arn == "" {
			arn = string(r.ARN)
		}
	}
	if arn == "" {
		return types.CertificateDetail{}, resource.Unnamed("certificate")
	}
	client, err := c.For(ctx, e.Raw())
	if err != nil {
		return types.CertificateDetail{}, err
	}
	found, err := client.DescribeCertificate(ctx, &acm.DescribeCertificateInput{CertificateArn: &arn})
	switch {
	case err != nil:
		return types.CertificateDetail{}, resource.Failed(op, "certificate "+arn, err, "ResourceNotFoundException")
	case found.Certificate == nil:
		return types.CertificateDetail{}, resource.Gone(op, "certificate "+arn)
	}
	return *found.Certificate, nil
}
