package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"sigs.k8s.io/yaml"
)

// project is compose.yaml as Compose reads it, with the secrets that secrets.sh makes.
func project(t *testing.T) *types.Project {
	t.Helper()
	o, err := cli.NewProjectOptions([]string{"compose/compose.yaml"},
		cli.WithWorkingDirectory("compose"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := o.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestCompose(t *testing.T) {
	p := project(t)
	if len(p.Services) != 6 {
		t.Errorf("the services are %v", p.ServiceNames())
	}
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("0123456789012345678901234"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"node1", "node2"} {
		node := p.Services[name]
		env := []string{"SMARTSOCKET_HOST=0.0.0.0", "SMARTSOCKET_PORT=3000"} // of the image
		for key, value := range node.Environment {
			if key == "SMARTSOCKET_OPS_TOKEN_FILE" {
				*value = token
			}
			env = append(env, key+"="+*value)
		}
		checkConfig(t, env)
		if !node.ReadOnly || len(node.CapDrop) != 1 || node.HealthCheck == nil ||
			node.StopGracePeriod == nil || node.Ulimits["nofile"].Soft < 20_000 {
			t.Errorf("%+v", node)
		}
	}
	if p.Services["node1"].Environment["SMARTSOCKET_NODE_NAME"] ==
		p.Services["node2"].Environment["SMARTSOCKET_NODE_NAME"] {
		t.Error("both nodes have one name")
	}
	for name, service := range p.Services {
		for _, v := range service.Volumes { // what is mounted from here must be there
			if _, err := os.Stat(v.Source); v.Type == types.VolumeTypeBind && err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// secrets.sh makes each secret once.
func TestComposeSecrets(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "secrets.sh")
	if err := os.WriteFile(script, []byte(read(t, "compose/secrets.sh")), 0o700); err != nil {
		t.Fatal(err)
	}
	var before []string
	for range 2 {
		if out, err := exec.Command("/bin/sh", script).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		var now []string
		for name := range project(t).Secrets {
			text := read(t, filepath.Join(dir, "secrets", name))
			if len(text) != 48 {
				t.Errorf("%s is %q", name, text)
			}
			now = append(now, name+text)
		}
		slices.Sort(now)
		if before != nil && !slices.Equal(before, now) {
			t.Error("a secret has changed")
		}
		before = now
	}
}

// Prometheus and Grafana find what they are pointed at.
func TestComposeMonitoring(t *testing.T) {
	p := project(t)
	alerts := "/etc/prometheus/alerts"
	mounted := func(v types.ServiceVolumeConfig) bool {
		_, err := os.Stat(filepath.Join(v.Source, filepath.Base(alertsFile)))
		return v.Target == alerts && err == nil
	}
	if !slices.ContainsFunc(p.Services["prometheus"].Volumes, mounted) {
		t.Error("Prometheus is not given the alerts")
	}
	var scrape struct {
		RuleFiles     []string `json:"rule_files"`
		ScrapeConfigs []struct {
			JobName       string `json:"job_name"`
			StaticConfigs []struct {
				Targets []string `json:"targets"`
			} `json:"static_configs"`
		} `json:"scrape_configs"`
	}
	if err := yaml.Unmarshal([]byte(read(t, "compose/prometheus.yml")), &scrape); err != nil {
		t.Fatal(err)
	}
	if got := scrape.ScrapeConfigs[0].StaticConfigs[0].Targets; !slices.Equal(got,
		[]string{"node1:9090", "node2:9090"}) {
		t.Errorf("Prometheus reads from %q", got)
	}
	if !slices.Equal(scrape.RuleFiles, []string{alerts + "/" + filepath.Base(alertsFile)}) {
		t.Errorf("Prometheus reads the rules of %q", scrape.RuleFiles)
	}
	for file, want := range map[string]string{"datasources/prometheus.yaml": "datasources",
		"dashboards/smartsocket.yaml": "providers"} {
		var v map[string]any
		text := read(t, filepath.Join("compose/grafana/provisioning", file))
		if err := yaml.Unmarshal([]byte(text), &v); err != nil || v[want] == nil {
			t.Errorf("%s: %v, %v", file, v, err)
		}
	}
	var envoy map[string]any
	if err := yaml.UnmarshalStrict([]byte(read(t, "proxies/envoy.yaml")), &envoy); err != nil {
		t.Error(err)
	}
}
