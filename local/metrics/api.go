package metrics

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/awsapi/cbor"
)

// CloudWatch's API, as far as it is served: the counts of AWS/Events. Its
// clients speak RPC v2 over CBOR, and some JSON.

type dimension struct {
	Name  string `json:"Name" aws:"required,max=255"`
	Value string `json:"Value" aws:"required,max=1024"`
}

type GetMetricStatisticsInput struct {
	Namespace          string        `json:"Namespace" aws:"required,max=255"`
	MetricName         string        `json:"MetricName" aws:"required,max=255"`
	Dimensions         []dimension   `json:"Dimensions,omitempty" aws:"max=30"`
	StartTime          *awsjson.Time `json:"StartTime" aws:"required"`
	EndTime            *awsjson.Time `json:"EndTime" aws:"required"`
	Period             *int          `json:"Period" aws:"required,min=1"`
	Statistics         []string      `json:"Statistics,omitempty" aws:"min=1,max=5"`
	ExtendedStatistics []string      `json:"ExtendedStatistics,omitempty" aws:"min=1,max=10"`
	Unit               string        `json:"Unit,omitempty"`
}

type GetMetricStatisticsOutput struct {
	Label      string                `json:"Label"`
	Datapoints []statisticsDatapoint `json:"Datapoints"`
}

type statisticsDatapoint struct {
	Timestamp   *awsjson.Time `json:"Timestamp"`
	SampleCount *float64      `json:"SampleCount,omitempty"`
	Average     *float64      `json:"Average,omitempty"`
	Sum         *float64      `json:"Sum,omitempty"`
	Minimum     *float64      `json:"Minimum,omitempty"`
	Maximum     *float64      `json:"Maximum,omitempty"`
	Unit        string        `json:"Unit"`
}

// mostDatapoints is how many CloudWatch gives in one answer.
const mostDatapoints = 1440

// GetMetricStatistics counts what happened under AWS/Events, by rule where the
// dimension RuleName is given. A series that was never counted is empty.
func (m *Metrics) GetMetricStatistics(_ context.Context, in *GetMetricStatisticsInput) (*GetMetricStatisticsOutput, error) {
	period := time.Duration(*in.Period) * time.Second
	span := in.EndTime.Sub(in.StartTime.Time)
	refuse := func(code, message string) error { return &awsjson.Error{Code: code, Message: message, Query: code} }
	switch {
	case len(in.Statistics)+len(in.ExtendedStatistics) == 0:
		return nil, refuse("InvalidParameterCombination", "At least one of the parameters Statistics and ExtendedStatistics must be specified.")
	case span <= 0:
		return nil, refuse("InvalidParameterValue", "The parameter StartTime must be less than the parameter EndTime.")
	case period%time.Minute != 0:
		return nil, refuse("InvalidParameterValue", "The parameter Period must be a multiple of 60.")
	case span/period > mostDatapoints:
		return nil, refuse("InvalidParameterCombination", "You have requested more datapoints than the limit of 1,440. You may reduce the datapoints requested by increasing Period, or decreasing the time range.")
	}
	rule := ""
	for _, d := range in.Dimensions {
		if d.Name == "RuleName" {
			rule = d.Value
		}
	}
	out := &GetMetricStatisticsOutput{Label: in.MetricName, Datapoints: []statisticsDatapoint{}}
	if in.Namespace != "AWS/Events" {
		return out, nil
	}
	for at, sum := range m.sums(metricKey{rule, in.MetricName}, in.StartTime.Time, in.EndTime.Time, period) {
		out.Datapoints = append(out.Datapoints, datapoint(time.Unix(at, 0).UTC(), sum, in.Statistics))
	}
	slices.SortFunc(out.Datapoints, func(a, b statisticsDatapoint) int { return a.Timestamp.Compare(b.Timestamp.Time) })
	return out, nil
}

// datapoint gives the statistics asked for of a count: each event counted 1.
func datapoint(at time.Time, sum float64, statistics []string) statisticsDatapoint {
	one := 1.0
	d := statisticsDatapoint{Timestamp: &awsjson.Time{Time: at}, Unit: "Count"}
	for _, name := range statistics {
		switch name {
		case "Sum":
			d.Sum = &sum
		case "SampleCount":
			d.SampleCount = &sum
		case "Average":
			d.Average = &one
		case "Minimum":
			d.Minimum = &one
		case "Maximum":
			d.Maximum = &one
		}
	}
	return d
}

// Service returns the operations that are served as AWS JSON.
func (m *Metrics) Service() *awsjson.Service {
	return awsjson.NewService(servicePrefix, "1.0", m.log, awsjson.Op("GetMetricStatistics", m.GetMetricStatistics))
}

const servicePrefix = "GraniteServiceVersion20100801"

// Register adds the operations that are served as RPC v2 over CBOR.
func (m *Metrics) Register(paths *http.ServeMux) {
	paths.HandleFunc("POST /service/"+servicePrefix+"/operation/{Operation}", m.serveCBOR)
}

// serveCBOR serves a call in RPC v2 over CBOR. The operation is in the path.
func (m *Metrics) serveCBOR(w http.ResponseWriter, r *http.Request) {
	out, err := m.callCBOR(w, r)
	if err != nil {
		cbor.WriteError(w, err)
		return
	}
	cbor.Write(w, http.StatusOK, out)
}

func (m *Metrics) callCBOR(w http.ResponseWriter, r *http.Request) (any, error) {
	if operation := r.PathValue("Operation"); operation != "GetMetricStatistics" {
		m.log.Warn("this AWS operation is not served here", "service", servicePrefix, "operation", awsjson.Clip(operation))
		return nil, awsjson.Errorf("UnknownOperationException", "The operation %s is not served here.", awsjson.Clip(operation))
	}
	body, err := awsjson.ReadBody(w, r)
	if err != nil {
		return nil, err
	}
	in := &GetMetricStatisticsInput{}
	if err := fromCBOR(body, in); err != nil {
		return nil, err
	}
	if err := awsjson.Check(in); err != nil {
		return nil, err
	}
	out, err := m.GetMetricStatistics(r.Context(), in)
	if err != nil {
		return nil, err
	}
	points := []any{}
	for _, d := range out.Datapoints {
		point := map[string]any{"Timestamp": d.Timestamp.Time, "Unit": d.Unit}
		for name, value := range map[string]*float64{"Sum": d.Sum, "SampleCount": d.SampleCount, "Average": d.Average, "Minimum": d.Minimum, "Maximum": d.Maximum} {
			if value != nil {
				point[name] = *value
			}
		}
		points = append(points, point)
	}
	return map[string]any{"Label": out.Label, "Datapoints": points}, nil
}

// fromCBOR reads an input by way of JSON, in which times are numbers.
func fromCBOR(body []byte, in any) error {
	v, err := cbor.Decode(body)
	if err != nil {
		return awsjson.Errorf("SerializationException", "The body is not valid CBOR.")
	}
	document, err := json.Marshal(timesToSeconds(v))
	if err != nil {
		return awsjson.Errorf("SerializationException", "The body holds a value of the wrong type.")
	}
	return awsjson.Decode(document, in)
}

func timesToSeconds(v any) any {
	switch v := v.(type) {
	case time.Time:
		return float64(v.UnixMilli()) / 1000
	case []any:
		for i := range v {
			v[i] = timesToSeconds(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = timesToSeconds(v[name])
		}
	}
	return v
}
