package deploy

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

// everything switches all parts of the chart on.
const everything = `
replicaCount: 3
nats: {url: "nats://nats:4222"}
ingress: {enabled: true}
autoscaling: {enabled: true}
serviceMonitor: {enabled: true, labels: {release: monitoring}}
dashboard: {enabled: true}
prometheusRule: {enabled: true}
trustedProxies: [10.0.0.0/8]
secretSettings: {encryptionKey: {secret: keys, key: aes}}
podAnnotations: {a: b}
nodeSelector: {disk: fast}
`

// render renders the chart with values. The objects are by kind and name.
func render(t *testing.T, values string) (map[string]string, error) {
	t.Helper()
	c, err := loader.Load("helm/smartsocket")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	v, err := chartutil.ReadValues([]byte(values))
	if err != nil {
		t.Fatal(err)
	}
	v, err = chartutil.ToRenderValues(c, v, chartutil.ReleaseOptions{Name: "game",
		Namespace: "play", IsInstall: true}, chartutil.DefaultCapabilities)
	if err != nil {
		t.Fatal(err)
	}
	files, err := engine.Render(c, v)
	if err != nil {
		return nil, err
	}
	objects := make(map[string]string)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if strings.HasSuffix(name, "NOTES.txt") {
			continue
		}
		for part := range strings.SplitSeq(files[name], "\n---\n") {
			var about struct {
				Kind     string
				Metadata struct{ Name string }
			}
			if strings.TrimSpace(part) == "" {
				continue
			}
			if err := yaml.Unmarshal([]byte(part), &about); err != nil {
				t.Fatalf("%s: %v\n%s", name, err, part)
			}
			objects[about.Kind+" "+about.Metadata.Name] = part
		}
	}
	return objects, nil
}

// object decodes an object and fails the test if it has a field that Kubernetes does not know.
func object[T any](t *testing.T, objects map[string]string, name string) *T {
	t.Helper()
	v := new(T)
	if err := yaml.UnmarshalStrict([]byte(objects[name]), v); err != nil || objects[name] == "" {
		t.Fatalf("%s: %v\n%s", name, err, objects[name])
	}
	return v
}

func TestChart(t *testing.T) {
	objects, err := render(t, everything)
	if err != nil {
		t.Fatal(err)
	}
	d := object[apps.Deployment](t, objects, "Deployment game-smartsocket")
	pod := d.Spec.Template.Spec
	server := pod.Containers[0]
	if d.Spec.Replicas != nil {
		t.Error("the chart and the autoscaler both say how many pods there are")
	}
	sleep := server.Lifecycle.PreStop.Sleep.Seconds
	if *pod.TerminationGracePeriodSeconds < sleep+60+15 || *pod.EnableServiceLinks {
		t.Errorf("%+v", pod)
	}
	if server.LivenessProbe.HTTPGet.Path != "/healthz" ||
		server.ReadinessProbe.HTTPGet.Path != "/readyz" ||
		*server.SecurityContext.AllowPrivilegeEscalation || !*pod.SecurityContext.RunAsNonRoot {
		t.Errorf("%+v", server)
	}
	config := object[core.ConfigMap](t, objects, "ConfigMap game-smartsocket")
	checkPod(t, &pod, config.Data["server.yaml"])
	object[core.Secret](t, objects, "Secret game-smartsocket-ops")
	games := object[core.Service](t, objects, "Service game-smartsocket")
	operators := object[core.Service](t, objects, "Service game-smartsocket-ops")
	for _, s := range []*core.Service{games, operators} {
		for name, value := range s.Spec.Selector {
			if d.Spec.Template.Labels[name] != value {
				t.Errorf("%s selects no pod: %v", s.Name, s.Spec.Selector)
			}
		}
	}
	object[networking.Ingress](t, objects, "Ingress game-smartsocket")
	object[policy.PodDisruptionBudget](t, objects, "PodDisruptionBudget game-smartsocket")
	scaler := object[autoscaling.HorizontalPodAutoscaler](t, objects,
		"HorizontalPodAutoscaler game-smartsocket")
	if name := scaler.Spec.Metrics[0].Pods.Metric.Name; !exposed(t)[name] {
		t.Errorf("the autoscaler wants %s, which no server has", name)
	}
	var monitor struct {
		Spec struct {
			Selector struct{ MatchLabels map[string]string }
		}
	}
	if err := yaml.Unmarshal([]byte(objects["ServiceMonitor game-smartsocket"]),
		&monitor); err != nil {
		t.Fatal(err)
	}
	for name, value := range monitor.Spec.Selector.MatchLabels {
		if operators.Labels[name] != value {
			t.Errorf("the monitor selects no service: %v", monitor.Spec.Selector)
		}
	}
	board := object[core.ConfigMap](t, objects, "ConfigMap game-smartsocket-dashboard")
	if board.Data["smartsocket.json"] != read(t, "helm/smartsocket/dashboards/smartsocket.json") {
		t.Error("the dashboard is not the file")
	}
	var alerts struct{ Spec, Groups any }
	if err := yaml.Unmarshal([]byte(objects["PrometheusRule game-smartsocket"]),
		&alerts); err != nil {
		t.Fatal(err)
	}
	chart := alerts.Spec
	if err := yaml.Unmarshal([]byte(read(t, alertsFile)), &alerts); err != nil {
		t.Fatal(err)
	}
	if want := map[string]any{"groups": alerts.Groups}; !reflect.DeepEqual(chart, want) {
		t.Errorf("the rule is %v", chart)
	}
}

// checkPod lets the server check the settings of a pod.
func checkPod(t *testing.T, pod *core.PodSpec, config string) {
	t.Helper()
	dir := t.TempDir()
	file, token := filepath.Join(dir, "server.yaml"), filepath.Join(dir, "token")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(token, []byte("0123456789012345678901234"), 0o600); err != nil {
		t.Fatal(err)
	}
	var env []string
	for _, v := range pod.Containers[0].Env {
		switch value := v.Value; {
		case v.Name == "SMARTSOCKET_ENCRYPTION_KEY":
			env = append(env, v.Name+"=MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
		case v.ValueFrom != nil:
			env = append(env, v.Name+"=from-elsewhere")
		case v.Name == "SMARTSOCKET_CONFIG":
			env = append(env, v.Name+"="+file)
		case v.Name == "SMARTSOCKET_OPS_TOKEN_FILE":
			env = append(env, v.Name+"="+token)
		default:
			env = append(env, v.Name+"="+value)
		}
	}
	if len(env) < 6 {
		t.Errorf("too few settings: %q", env)
	}
	checkConfig(t, env)
}

// One pod does without NATS, several do not.
func TestChartWithoutNATS(t *testing.T) {
	objects, err := render(t, "replicaCount: 1")
	if err != nil {
		t.Fatal(err)
	}
	d := object[apps.Deployment](t, objects, "Deployment game-smartsocket")
	config := object[core.ConfigMap](t, objects, "ConfigMap game-smartsocket")
	if *d.Spec.Replicas != 1 || bytes.Contains([]byte(objects["Deployment game-smartsocket"]),
		[]byte("SMARTSOCKET_NATS")) || len(objects) != 6 {
		t.Errorf("%d objects, %+v", len(objects), d.Spec)
	}
	checkPod(t, &d.Spec.Template.Spec, config.Data["server.yaml"])
	if _, err := render(t, "replicaCount: 2"); err == nil ||
		!strings.Contains(err.Error(), "several pods need NATS") {
		t.Error(err)
	}
}
