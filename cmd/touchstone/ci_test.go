package main

import (
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"go.yaml.in/yaml/v3"
)

// ciJob is a job of docs/ci.md: what it sets in the environment, and its commands as scripts that run in shells of their own.
type ciJob struct {
	environment map[string]string
	scripts     []string
}

// TestCI runs the commands of the jobs in docs/ci.md word by word, but for those that install, in the shells in which GitHub and
// GitLab run them. The server listens on a port that is free here: the jobs name the address in their environments.
func TestCI(t *testing.T) {
	page, err := os.ReadFile("../../docs/ci.md")
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for n, block := range strings.Split(string(page), "```") {
		if text, ok := strings.CutPrefix(block, "yaml\n"); ok && n%2 == 1 {
			blocks = append(blocks, text)
		}
	}
	if len(blocks) != 4 {
		t.Fatalf("docs/ci.md has %d blocks of YAML, want the seed, the policy's tests and two jobs", len(blocks))
	}

	for name, job := range map[string]*ciJob{"GitHub": gitHubJob(t, blocks[2]), "GitLab": gitLabJob(t, blocks[3])} {
		t.Run(name, func(t *testing.T) { job.run(t, blocks[0], blocks[1]) })
	}
}

func gitHubJob(t *testing.T, text string) *ciJob {
	t.Helper()
	var file struct {
		Jobs map[string]struct {
			Env   map[string]string
			Steps []struct{ Name, Run string }
		}
	}

	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		t.Fatal(err)
	}
	given := file.Jobs["iam"]
	job := &ciJob{environment: given.Env}
	for _, step := range given.Steps {
		if step.Run != "" && step.Name != "Install Touchstone" {
			job.scripts = append(job.scripts, step.Run)
		}
	}
	return job
}

func gitLabJob(t *testing.T, text string) *ciJob {
	t.Helper()
	var file map[string]struct {
		Variables map[string]string
		Script    []string
	}
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		t.Fatal(err)
	}
	given := file["iam"]
	return &ciJob{given.Variables, []string{strings.Join(given.Script, "\n")}} // all lines in one shell
}

// run runs the job in a directory with the two files of the page.
func (j *ciJob) run(t *testing.T, seedText, policyText string) {
	if len(j.scripts) == 0 {
		t.Fatal("the job has no commands")
	}
	work := t.TempDir()
	if err := os.Mkdir(filepath.Join(work, "policies"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"iam.yaml": seedText, "policies/deploy.test.yaml": policyText} {
		if err := os.WriteFile(filepath.Join(work, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if names := slices.Sorted(maps.Keys(j.environment)); !slices.Equal(names, []string{"TOUCHSTONE_LISTEN", "TOUCHSTONE_URL"}) {
		t.Fatalf("the job sets %v", names)
	}

	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	environment := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + work, "AWS_PAGER=", "AWS_EC2_METADATA_DISABLED=true",
		"TOUCHSTONE_LISTEN=" + net.JoinHostPort("127.0.0.1", port), "TOUCHSTONE_URL=http://localhost:" + port,
	}

	// The server outlives the step that starts it, as it does in a job. All processes are of one group, which is led by one that waits
	// and ends with the test.
	leader := exec.Command("sleep", "600")
	leader.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := leader.Start(); err != nil {
		t.Fatal(err)
	}
	group := leader.Process.Pid
	defer func() {
		if err := syscall.Kill(-group, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
		leader.Wait() //nolint:errcheck // it was killed
	}()
	out, err := os.Create(filepath.Join(work, "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	for _, script := range j.scripts {
		step := exec.Command("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script)
		step.Dir, step.Env, step.Stdout, step.Stderr = work, environment, out, out
		step.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: group}
		if err := step.Run(); err != nil {
			printed, _ := os.ReadFile(out.Name())
			log, _ := os.ReadFile(filepath.Join(work, "touchstone.log"))
			t.Fatalf("a step fails: %v\n%s\nit printed\n%s\nthe server's log\n%s", err, script, printed, log)
		}
	}

	printed, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`arn:aws:iam::111122223333:user/deploy`, `AccessDenied`} {
		if !strings.Contains(string(printed), want) {
			t.Errorf("the commands do not print %s:\n%s", want, printed)
		}
	}
	if _, err := os.Stat(filepath.Join(work, "policies.xml")); err != nil {
		t.Errorf("the report is missing: %v", err)
	}
}
