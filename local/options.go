package local

import (
	"log/slog"
	"time"

	"github.com/blockforger/eventrouter/local/delivery"
)

// Options adjust a [Server]. The zero value of each field means its default.
type Options struct {
	// Account and Region are those of every ARN made here: 000000000000 and us-east-1.
	Account, Region string
	// Log gets what an operator should know. Never a payload. Default: slog.Default.
	Log *slog.Logger
	// Now is the clock. It may jump; what falls due is looked for every PollEvery.
	Now func() time.Time
	// RetryDelays are the waits before Lambda's retries of an asynchronous
	// invocation; their number is that of the retries. Default: 1 and 2 minutes.
	RetryDelays []time.Duration
	// MaxEventAge is how long an asynchronous invocation is tried. Default: 6 hours.
	MaxEventAge time.Duration
	// Timeout is how long one invocation of a function may take. Default: 30 seconds.
	Timeout time.Duration
	// Concurrency is how many deliveries one target gets at a time. Default: 64.
	Concurrency int
	// KeepEvents is how many events remain to be looked at after their delivery.
	// Default: 10,000.
	KeepEvents int
	// KeepLogLines is how many log lines of a function are kept. Default: 10,000.
	KeepLogLines int
	// MaxDataBytes is how large the data file may become; beyond, new events are
	// refused as on a full disk. Default: as the disk allows.
	MaxDataBytes int
	// EnforcePermissions lets a rule invoke a function only where the function's
	// policy allows it, as on AWS. Default: whatever is registered is invoked.
	EnforcePermissions bool
	// AllowCreateFunction allows callers on this machine to create functions from zip
	// files. Their programs run with the rights of this process. Default: no.
	AllowCreateFunction bool
	// Endpoint is the URL of the server, which the AWS SDK in created functions calls.
	Endpoint string
	// HTTPTargets are the hosts, as host:port, that API destinations may call.
	// Default: none.
	HTTPTargets []string
	// Chaos makes deliveries go wrong on purpose.
	Chaos delivery.Chaos
	// BodyTimeout is how long a caller may take to send the body of a request.
	// Default: 20 seconds.
	BodyTimeout time.Duration
	// PollEvery bounds how late a jump of the clock is noticed. Default: 250 ms.
	PollEvery time.Duration
}

func (o *Options) withDefaults() Options {
	var d Options
	if o != nil {
		d = *o
	}
	setDefault(&d.Account, "000000000000")
	setDefault(&d.Region, "us-east-1")
	setDefault(&d.Log, slog.Default())
	setDefault(&d.MaxEventAge, 6*time.Hour)
	setDefault(&d.Timeout, 30*time.Second)
	setDefault(&d.Concurrency, 64)
	setDefault(&d.KeepEvents, 10_000)
	setDefault(&d.KeepLogLines, 10_000)
	setDefault(&d.BodyTimeout, 20*time.Second)
	setDefault(&d.PollEvery, 250*time.Millisecond)
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.RetryDelays == nil {
		d.RetryDelays = []time.Duration{time.Minute, 2 * time.Minute}
	}
	return d
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
