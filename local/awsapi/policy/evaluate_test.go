package policy_test

import (
	"testing"

	"github.com/blockforger/eventrouter/local/awsapi/policy"
)

func TestAllows(t *testing.T) {
	const bus = "arn:aws:events:us-east-1:000000000000:event-bus/orders"
	request := policy.Request{Account: "111122223333", Action: "events:PutEvents", Resource: bus,
		Values: map[string]string{"events:source": "shop", "events:detail-type": "placed", "aws:principalaccount": "111122223333"}}
	const all = `"Effect":"Allow","Principal":"*","Action":"events:PutEvents","Resource":"` + bus + `"`
	for statement, want := range map[string]bool{
		`{` + all + `}`: true,
		`{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"*"}`:                                                                true,
		`{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"events:*","Resource":"*"}`:                               true,
		`{"Effect":"Allow","Principal":{"AWS":["444455556666","arn:aws:iam::111122223333:root"]},"Action":["events:putevents"]}`: true,
		`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/me"},"Action":"events:Put*"}`:                      true,
		`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::444455556666:root"},"Action":"events:PutEvents"}`:                    false,
		`{"Effect":"Allow","Principal":{"AWS":"11112222333"},"Action":"events:PutEvents"}`:                                       false,
		`{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"events:PutEvents"}`:                          false,
		`{"Effect":"Allow","Action":"events:PutEvents"}`:                                                                         false,
		`{"Effect":"Allow","Principal":"*","Action":"events:PutRule"}`:                                                           false,
		`{"Effect":"Allow","Principal":"*","Action":"events:PutEvents","Resource":"` + bus + `2"}`:                               false,
		`{"Effect":"Allow","Principal":"*","Action":"events:PutEvents","Resource":["` + bus[:20] + `*/o?ders"]}`:                 true,
		`{` + all + `},{"Effect":"Deny","Principal":{"AWS":"111122223333"},"Action":"events:PutEvents"}`:                         false,
		`{` + all + `},{"Effect":"Deny","Principal":"*","Action":"*","Condition":{"StringEquals":{"events:source":"till"}}}`:     true,
		`{` + all + `},{"Effect":"Deny","Principal":"*","Action":"*","Condition":{"DateLessThan":{"aws:CurrentTime":"2020"}}}`:   false,
		`{` + all + `,"Condition":{"StringEquals":{"events:source":"shop"}}}`:                                                    true,
		`{` + all + `,"Condition":{"StringEquals":{"Events:Source":["till","shop"],"events:detail-type":"placed"}}}`:             true,
		`{` + all + `,"Condition":{"StringEquals":{"events:source":"till"}}}`:                                                    false,
		`{` + all + `,"Condition":{"StringEquals":{"events:source":"shop","events:detail-type":"paid"}}}`:                        false,
		`{` + all + `,"Condition":{"StringLike":{"events:source":"s*p"}}}`:                                                       true,
		`{` + all + `,"Condition":{"StringNotEquals":{"events:source":["shop","till"]}}}`:                                        false,
		`{` + all + `,"Condition":{"StringNotLike":{"events:source":"t*"}}}`:                                                     true,
		`{` + all + `,"Condition":{"StringEqualsIgnoreCase":{"events:source":"SHOP"}}}`:                                          true,
		`{` + all + `,"Condition":{"ForAnyValue:StringEquals":{"events:source":["shop"]}}}`:                                      true,
		`{` + all + `,"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}}`:                                                false,
		`{` + all + `,"Condition":{"StringEqualsIfExists":{"aws:PrincipalOrgID":"o-1"}}}`:                                        true,
		`{` + all + `,"Condition":{"StringNotEquals":{"aws:PrincipalOrgID":"o-1"}}}`:                                             true,
		`{` + all + `,"Condition":{"Null":{"aws:PrincipalOrgID":"true"}}}`:                                                       true,
		`{` + all + `,"Condition":{"Null":{"events:source":"true"}}}`:                                                            false,
		`{` + all + `,"Condition":{"NumericLessThan":{"events:source":"1"}}}`:                                                    false,
	} {
		p, err := policy.Parse(`{"Version":"2012-10-17","Statement":[` + statement + `]}`)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Allows(&request); got != want {
			t.Errorf("%s: %v, want %v", statement, got, want)
		}
	}
	one, err := policy.Parse(`{"Statement":{` + all + `}}`)
	if err != nil || !one.Allows(&request) {
		t.Errorf("a single statement: %v %v", one, err)
	}
	none, err := policy.Parse("")
	if err != nil || none.Allows(&request) {
		t.Errorf("no policy: %v %v", none, err)
	}
	ignoring := request
	ignoring.Ignore = []string{"events:source"}
	other, _ := policy.Parse(`{"Statement":[{` + all + `,"Condition":{"StringEquals":{"events:source":"till"}}}]}`)
	if !other.Allows(&ignoring) {
		t.Error("the condition on the source is not ignored")
	}
}

func TestParseBadPolicies(t *testing.T) {
	for _, bad := range []string{"text", "[]", "null", `"text"`, `{"Statement":"all"}`, `{"Statement":[1]}`, `{}x`} {
		if p, err := policy.Parse(bad); err == nil {
			t.Errorf("%s is accepted: %v", bad, p)
		}
	}
}
