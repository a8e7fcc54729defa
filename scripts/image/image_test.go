package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// prepare makes a directory like the project's, with a binary that was just built, and changes to it.
func prepare(t *testing.T) {
	t.Helper()
	directory := t.TempDir()
	program := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(directory, "bin/touchstone"), "./cmd/touchstone")
	program.Dir, program.Env = "../..", append(os.Environ(), "CGO_ENABLED=0")
	if out, err := program.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}

	text, err := os.ReadFile("../../Containerfile")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(directory, "Containerfile"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(directory)
	if err := stage("bin/image"); err != nil {
		t.Fatal(err)
	}
}

// entries reads a tar file.
func entries(t *testing.T, text []byte) (headers []*tar.Header, contents map[string][]byte) {
	t.Helper()
	contents = make(map[string][]byte)
	for r := tar.NewReader(bytes.NewReader(text)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return headers, contents
		}
		if err != nil {
			t.Fatal(err)
		}
		headers = append(headers, h)
		if contents[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

// unpacked is an image that was read back from its archive.
type unpacked struct {
	root   string // directory with its files
	config config
	layer  []*tar.Header
}

// unpack reads an archive as an engine does, from the index on, and checks every digest on the way.
func unpack(t *testing.T, archive string) *unpacked {
	t.Helper()
	text, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	_, files := entries(t, text)
	blob := func(d descriptor) []byte {
		content, ok := files[blobPath(d.Digest)]
		if !ok || sha256Of(content) != d.Digest || len(content) != d.Size {
			t.Fatalf("the blob %s is missing, or another", d.Digest)
		}
		return content
	}
	decode := func(text []byte, into any) {
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatal(err)
		}
	}

	var index struct{ Manifests []descriptor }
	decode(files["index.json"], &index)
	var manifest struct {
		Config descriptor
		Layers []descriptor
	}
	decode(blob(index.Manifests[0]), &manifest)
	var about struct {
		Config config
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		}
	}
	decode(blob(manifest.Config), &about)
	z, err := gzip.NewReader(bytes.NewReader(blob(manifest.Layers[0])))
	if err != nil {
		t.Fatal(err)
	}
	layer, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if sha256Of(layer) != about.RootFS.DiffIDs[0] {
		t.Error("the layer is not the one of the configuration")
	}

	u := &unpacked{root: t.TempDir(), config: about.Config}
	var contents map[string][]byte
	u.layer, contents = entries(t, layer)
	for _, h := range u.layer {
		name := filepath.Join(u.root, h.Name)
		if h.Typeflag == tar.TypeDir {
			err = os.Mkdir(name, 0o700)
		} else {
			err = os.WriteFile(name, contents[h.Name], os.FileMode(h.Mode))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return u
}

// command runs the image's entry point with arguments as an engine does, except that the files are in a directory and that it may
// be told another address.
func (u *unpacked) command(ctx context.Context, env []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(u.root, u.config.Entrypoint[0]), args...)
	cmd.Dir, cmd.Env = filepath.Join(u.root, u.config.WorkingDir), slices.Concat(u.config.Env, env)
	return cmd
}

// serves makes sure that the image's program becomes ready with these arguments, and ends when it is told to.
func (u *unpacked) serves(t *testing.T, args ...string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()

	cmd := u.command(t.Context(), []string{"TOUCHSTONE_LISTEN=" + address}, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		if r, err := http.Get("http://" + address + "/readyz"); err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				break
			}
		}
		select {
		case err := <-ended:
			t.Fatalf("%q ends: %v\n%s", args, err, out.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("%q ends: %v\n%s", args, err, out.String())
	}
}

// TestImage packs the image, unpacks it, and runs it as its configuration says.
func TestImage(t *testing.T) {
	composed := composeCommand(t)
	prepare(t)
	digest, err := build(".", "localhost/touchstone:latest", "v1.2.3", "image.tar")
	if err != nil {
		t.Fatal(err)
	}
	u := unpack(t, "image.tar")

	// Nobody but the image's own user may read the data, and that user is not root.
	if u.config.User == "" || strings.HasPrefix(u.config.User, "0") {
		t.Errorf("the image's user is %q", u.config.User)
	}
	found := false
	for _, h := range u.layer {
		if h.Name == "data/" {
			found = true
			if h.Uid != 65532 || h.Gid != 65532 || h.Mode != 0o700 {
				t.Errorf("/data belongs to %d:%d with mode %o", h.Uid, h.Gid, h.Mode)
			}
		} else if h.Uid != 0 || h.Mode&0o022 != 0 {
			t.Errorf("%s belongs to %d with mode %o", h.Name, h.Uid, h.Mode)
		}
		if !h.ModTime.Equal(time.Unix(0, 0)) {
			t.Errorf("%s has a time, %v", h.Name, h.ModTime)
		}
	}
	if _, volume := u.config.Volumes["/data"]; !found || !volume {
		t.Error("/data is no volume of the image")
	}

	// Its own address reaches beyond the machine: it starts once somebody said that this is meant.
	out, err := u.command(t.Context(), nil, u.config.Cmd...).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 2 || !strings.Contains(string(out), "--insecure-http") {
		t.Errorf("without a word about TLS: %v\n%s", err, out)
	}
	u.serves(t, append(u.config.Cmd, "--insecure-http")...)
	if _, err := os.Stat(filepath.Join(u.root, "data/touchstone.db")); err != nil {
		t.Errorf("the data is not in the volume: %v", err)
	}
	u.serves(t, composed...)

	// The same files give the same image.
	again, err := build(".", "localhost/touchstone:latest", "v1.2.3", "again.tar")
	if err != nil {
		t.Fatal(err)
	}
	first, _ := os.ReadFile("image.tar")
	second, _ := os.ReadFile("again.tar")
	if digest != again || !bytes.Equal(first, second) {
		t.Error("the same files give another image")
	}
}

// composeCommand is the command of compose.yaml.
func composeCommand(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services map[string]struct{ Command []string }
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	command := file.Services["touchstone"].Command
	if len(command) == 0 {
		t.Fatal("compose.yaml has no command")
	}
	return command
}

func TestRoots(t *testing.T) {
	count := 0
	for rest := roots(); ; count++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if c, err := x509.ParseCertificate(block.Bytes); err != nil || !c.IsCA {
			t.Errorf("root %d: %v", count, err)
		}
	}
	if count < 50 {
		t.Errorf("%d roots", count)
	}
}

// TestContainerfileRefused makes sure that nothing in a Containerfile is left out by mistake.
func TestContainerfileRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, text := range []string{
		"FROM debian", "RUN true", "COPY --link a b", "COPY a b c", "COPY --chown=root a b", "CMD serve",
		"HEALTHCHECK NONE",
	} {
		if err := os.WriteFile("Containerfile", []byte("# first\n"+text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readContainerfile("Containerfile"); err == nil || !strings.HasPrefix(err.Error(), "Containerfile:2: ") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
