package deploy

import (
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"sigs.k8s.io/yaml"
)

const alertsFile = "helm/smartsocket/alerts/smartsocket.yml"

// rules are the alerts by name, as Prometheus reads them.
func rules(t *testing.T) map[string]*rulefmt.Rule {
	t.Helper()
	groups, errs := rulefmt.ParseFile(alertsFile, false, model.UTF8Validation,
		parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	for _, err := range errs {
		t.Fatal(err)
	}
	byName := make(map[string]*rulefmt.Rule)
	for _, g := range groups.Groups {
		for _, r := range g.Rules {
			if byName[r.Alert] != nil {
				t.Errorf("%s is there twice", r.Alert)
			}
			byName[r.Alert] = &r
		}
	}
	if len(byName) < 10 {
		t.Fatalf("only %d alerts", len(byName))
	}
	return byName
}

// Every alert asks for metrics that a server has, says what is wrong, and has a section of the
// runbooks, and there are no others.
func TestAlertRules(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "docs", "RUNBOOKS.md"))
	if err != nil {
		t.Fatal(err)
	}
	sections := make(map[string]string)
	for _, part := range strings.Split(string(text), "\n## ")[1:] {
		name, body, _ := strings.Cut(part, "\n")
		sections[name] = body
	}
	alerts := rules(t)
	for name, r := range alerts {
		checkQuery(t, name, r.Expr)
		if r.Annotations["summary"] == "" ||
			!slices.Contains([]string{"page", "ticket"}, r.Labels["severity"]) {
			t.Errorf("%s: %+v", name, r)
		}
		const pages = "https://github.com/smartsocket/smartsocket/blob/main/docs/RUNBOOKS.md#"
		if r.Annotations["runbook_url"] != pages+strings.ToLower(name) {
			t.Errorf("%s: its runbook is at %s", name, r.Annotations["runbook_url"])
		}
		for _, part := range []string{"**It means**", "**Look**", "**Do**"} {
			if !strings.Contains(sections[name], part) {
				t.Errorf("docs/RUNBOOKS.md: %s does not say: %s", name, part)
			}
		}
	}
	for name := range sections {
		if strings.HasPrefix(name, "SmartSocket") && alerts[name] == nil {
			t.Errorf("docs/RUNBOOKS.md: no alert is called %s", name)
		}
	}
	for _, m := range regexp.MustCompile(`smartsocket_\w+`).FindAllString(string(text), -1) {
		if !exposed(t)[m] && !exposed(t)[m+"_bucket"] {
			t.Errorf("docs/RUNBOOKS.md: no server has a metric %s", m)
		}
	}
}

// inputSeries, expectedAlert and alertCase are of the file of tests, which is promtool's.
type inputSeries struct{ Series, Values string }

type expectedAlert struct {
	Labels      map[string]string `json:"exp_labels"`
	Annotations map[string]string `json:"exp_annotations"`
}

type alertCase struct {
	At     string          `json:"eval_time"`
	Name   string          `json:"alertname"`
	Alerts []expectedAlert `json:"exp_alerts"`
}

// The alerts are told when they should be, with what they should say. The time is that of the
// series, and Prometheus' engine evaluates the expressions.
func TestAlerts(t *testing.T) {
	var file struct {
		Files    []string `json:"rule_files"`
		Interval string   `json:"evaluation_interval"`
		Tests    []struct {
			Name     string        `json:"name"`
			Interval string        `json:"interval"`
			Series   []inputSeries `json:"input_series"`
			Cases    []alertCase   `json:"alert_rule_test"`
		} `json:"tests"`
	}
	if err := yaml.UnmarshalStrict([]byte(read(t, "alerts_test.yml")), &file); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(file.Files, []string{alertsFile}) {
		t.Errorf("the tests are of %q", file.Files)
	}
	alerts := rules(t)
	quiet, told := make(map[string]bool), make(map[string]bool)
	for _, group := range file.Tests {
		data, err := record(duration(t, group.Interval), group.Series)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range group.Cases {
			if alerts[c.Name] == nil {
				t.Fatalf("there is no alert %s", c.Name)
			}
			got, err := firing(t.Context(), alerts[c.Name], data, duration(t, c.At),
				duration(t, file.Interval))
			if err != nil {
				t.Fatal(err)
			}
			if len(got)+len(c.Alerts) > 0 && !reflect.DeepEqual(got, c.Alerts) {
				t.Errorf("%s at %s:\n%v\nwant\n%v", c.Name, c.At, got, c.Alerts)
			}
			quiet[c.Name] = quiet[c.Name] || len(c.Alerts) == 0
			told[c.Name] = told[c.Name] || len(c.Alerts) > 0
		}
	}
	for name := range maps.Keys(alerts) {
		if !quiet[name] || !told[name] {
			t.Errorf("%s: one test when it is told, and one when it is not, are needed", name)
		}
	}
}

func duration(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := model.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(d)
}

// An alert that is not as it was is noticed, by what TestAlerts does.
func TestAlertTestsNotice(t *testing.T) {
	data, err := record(15*time.Second, []inputSeries{{`x{instance="a"}`, "0x3 1x9"}})
	if err != nil {
		t.Fatal(err)
	}
	r := &rulefmt.Rule{Expr: "x == 1", For: model.Duration(time.Minute),
		Annotations: map[string]string{"s": "{{ $labels.instance }} is {{ $value }}"}}
	for at, want := range map[time.Duration]string{
		30 * time.Second: "[]", 105 * time.Second: "[]",
		2 * time.Minute: "[{map[instance:a] map[s:a is 1]}]",
	} {
		got, err := firing(t.Context(), r, data, at, 15*time.Second)
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("at %v: %v, %v, want %s", at, got, err, want)
		}
	}
}

// promtool agrees, where it is.
func TestPromtool(t *testing.T) {
	promtool := find(t, "promtool")
	for _, args := range [][]string{{"check", "rules", alertsFile},
		{"test", "rules", "alerts_test.yml"}} {
		if out, err := exec.Command(promtool, args...).CombinedOutput(); err != nil {
			t.Errorf("%q: %v\n%s", args, err, out)
		}
	}
}
