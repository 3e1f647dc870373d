package delivery

// Target is the target of a rule in AWS's shape, with the members that are served
// here.
type Target struct {
	Id               string            `json:"Id" aws:"required,min=1,max=64,pattern=[\\.\\-_A-Za-z0-9]+"`
	Arn              string            `json:"Arn" aws:"required,min=1,max=1600"`
	RoleArn          string            `json:"RoleArn,omitempty" aws:"min=1,max=1600"`
	Input            string            `json:"Input,omitempty" aws:"max=8192"`
	InputPath        string            `json:"InputPath,omitempty" aws:"max=256"`
	InputTransformer *InputTransformer `json:"InputTransformer,omitempty"`
	SqsParameters    *SqsParameters    `json:"SqsParameters,omitempty"`
	HttpParameters   *HttpParameters   `json:"HttpParameters,omitempty"`
	DeadLetterConfig *DeadLetterConfig `json:"DeadLetterConfig,omitempty"`
	RetryPolicy      *RetryPolicy      `json:"RetryPolicy,omitempty"`
}

type InputTransformer struct {
	InputPathsMap map[string]string `json:"InputPathsMap,omitempty" aws:"max=100" keys:"min=1,max=256,pattern=[A-Za-z0-9\\_\\-]+" each:"max=256"`
	InputTemplate string            `json:"InputTemplate" aws:"required,min=1,max=8192"`
}

// SqsParameters are the parameters of a queue. MessageGroupId can be a path into the
// event, such as $.detail.tenant; a task's is the value at that path.
type SqsParameters struct {
	MessageGroupId string `json:"MessageGroupId,omitempty" aws:"max=100"`
}

type HttpParameters struct {
	PathParameterValues   []string          `json:"PathParameterValues,omitempty" each:"pattern=^(?!\\s*$).+"`
	HeaderParameters      map[string]string "json:\"HeaderParameters,omitempty\" keys:\"max=512,pattern=^[!#$%&'*+-.^_`|~0-9a-zA-Z]+$\" each:\"max=512,pattern=^[ \\\\t]*[\\\\x20-\\\\x7E]+([ \\\\t]+[\\\\x20-\\\\x7E]+)*[ \\\\t]*$\""
	QueryStringParameters map[string]string `json:"QueryStringParameters,omitempty" keys:"max=512,pattern=[^\\x00-\\x1F\\x7F]+" each:"max=512,pattern=[^\\x00-\\x09\\x0B\\x0C\\x0E-\\x1F\\x7F]+"`
}

type DeadLetterConfig struct {
	Arn string `json:"Arn,omitempty" aws:"min=1,max=1600"`
}

type RetryPolicy struct {
	MaximumRetryAttempts     *int `json:"MaximumRetryAttempts,omitempty" aws:"min=0,max=185"`
	MaximumEventAgeInSeconds *int `json:"MaximumEventAgeInSeconds,omitempty" aws:"min=60,max=86400"`
}
