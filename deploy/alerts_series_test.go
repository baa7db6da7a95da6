package deploy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/template"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// sample is one value of a series.
type sample struct {
	at    int64 // ms
	value float64
}

// T, ST, F, H, FH, Type and Copy make it a chunks.Sample.
func (s sample) T() int64                      { return s.at }
func (s sample) ST() int64                     { return 0 }
func (s sample) F() float64                    { return s.value }
func (s sample) H() *histogram.Histogram       { return nil }
func (s sample) FH() *histogram.FloatHistogram { return nil }
func (s sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample           { return s }

// recorded are the series of a test, as Prometheus' engine asks for them.
type recorded []storage.Series

// record reads series as promtool writes them: the values come every interval.
func record(interval time.Duration, inputs []inputSeries) (list recorded, err error) {
	for _, input := range inputs {
		name, values, err := parser.NewParser(parser.Options{}).ParseSeriesDesc(
			input.Series + " " + input.Values)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", input.Series, err)
		}
		var samples []chunks.Sample
		for i, v := range values {
			if !v.Omitted {
				at := time.Duration(i) * interval
				samples = append(samples, sample{at.Milliseconds(), v.Value})
			}
		}
		list = append(list, storage.NewListSeries(name, samples))
	}
	slices.SortFunc(list, func(a, b storage.Series) int {
		return labels.Compare(a.Labels(), b.Labels())
	})
	return list, nil
}

// Querier implements storage.Queryable.
func (r recorded) Querier(int64, int64) (storage.Querier, error) {
	return &storage.MockQuerier{SelectMockFunction: func(_ bool, _ *storage.SelectHints,
		matchers ...*labels.Matcher) storage.SeriesSet {
		found := &found{}
		for _, s := range r {
			if !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool {
				return !m.Matches(s.Labels().Get(m.Name))
			}) {
				found.rest = append(found.rest, s)
			}
		}
		return found
	}}, nil
}

// found is a storage.SeriesSet.
type found struct {
	now  storage.Series
	rest []storage.Series
}

// Next, At, Err and Warnings implement storage.SeriesSet.
func (f *found) Next() bool {
	if len(f.rest) == 0 {
		return false
	}
	f.now, f.rest = f.rest[0], f.rest[1:]
	return true
}
func (f *found) At() storage.Series                { return f.now }
func (f *found) Err() error                        { return nil }
func (f *found) Warnings() annotations.Annotations { return nil }

var prom = promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: patience,
	LookbackDelta: 5 * time.Minute, Parser: parser.NewParser(parser.Options{})})

// firing returns the alerts of a rule at a time: it has been true of the same labels for as long as
// the rule says. It is asked every interval from 0 on.
func firing(
	ctx context.Context, rule *rulefmt.Rule, data recorded, at, interval time.Duration,
) (alerts []expectedAlert, err error) {
	since := make(map[string]time.Duration)
	for now := time.Duration(0); now <= at; now += interval {
		vector, err := instant(ctx, data, rule.Expr, now)
		if err != nil {
			return nil, err
		}
		holds := make(map[string]time.Duration)
		alerts = nil
		for _, s := range vector {
			key := s.Metric.String()
			holds[key] = now
			if began, before := since[key]; before {
				holds[key] = began
			}
			if now-holds[key] >= time.Duration(rule.For) {
				a, err := told(ctx, rule, s)
				if err != nil {
					return nil, err
				}
				alerts = append(alerts, a)
			}
		}
		since = holds
	}
	slices.SortFunc(alerts, func(a, b expectedAlert) int {
		return strings.Compare(fmt.Sprint(a.Labels), fmt.Sprint(b.Labels))
	})
	return alerts, nil
}

// instant asks Prometheus' engine.
func instant(
	ctx context.Context, data recorded, expr string, now time.Duration,
) (promql.Vector, error) {
	q, err := prom.NewInstantQuery(ctx, data, nil, expr, time.Unix(0, 0).Add(now))
	if err != nil {
		return nil, err
	}
	defer q.Close()
	vector, err := q.Exec(ctx).Vector()
	return slices.Clone(vector), err
}

// told is what an alert says of a sample.
func told(ctx context.Context, rule *rulefmt.Rule, s promql.Sample) (expectedAlert, error) {
	const begin = "{{$labels := .Labels}}{{$value := .Value}}"
	a := expectedAlert{Labels: s.Metric.Map(), Annotations: make(map[string]string)}
	delete(a.Labels, labels.MetricName)
	data := template.AlertTemplateData(maps.Clone(a.Labels), nil, "", s)
	for name, text := range rule.Annotations {
		said, err := template.NewTemplateExpander(ctx, begin+text, rule.Alert, data,
			model.Time(s.T), nil, nil, nil).Expand()
		if err != nil {
			return a, err
		}
		a.Annotations[name] = said
	}
	maps.Copy(a.Labels, rule.Labels)
	return a, nil
}
