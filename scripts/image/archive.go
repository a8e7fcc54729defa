package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Media types of the OCI Image Format Specification.
const (
	typeIndex    = "application/vnd.oci.image.index.v1+json"
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
)

// descriptor points to a blob (OCI Content Descriptors).
type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Platform    *platform         `json:"platform,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
}

// blobs are an archive's blobs, by their digests.
type blobs map[string][]byte

func (b blobs) add(mediaType string, content []byte) descriptor {
	digest := sha256Of(content)
	b[digest] = content
	return descriptor{MediaType: mediaType, Digest: digest, Size: len(content)}
}

func (b blobs) addJSON(mediaType string, value any) (descriptor, error) {
	text, err := json.Marshal(value)
	return b.add(mediaType, text), err
}

func sha256Of(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// build writes the image that the Containerfile in a directory describes to an archive, and returns the digest of its manifest.
func build(directory, name, version, archive string) (digest string, err error) {
	i, err := readContainerfile(filepath.Join(directory, "Containerfile"))
	if err != nil {
		return "", err
	}
	layer, architecture, err := i.layer(directory)
	if err != nil {
		return "", err
	}
	if version != "" {
		i.config.Labels["org.opencontainers.image.version"] = version
	}
	created, err := commitTime()
	if err != nil {
		return "", err
	}

	all := blobs{}
	var compressed bytes.Buffer
	z := gzip.NewWriter(&compressed)
	if _, err := z.Write(layer); err != nil {
		return "", err
	}
	if err := z.Close(); err != nil {
		return "", err
	}
	layerAt := all.add(typeLayer, compressed.Bytes())

	configAt, err := all.addJSON(typeConfig, map[string]any{
		"created": created, "architecture": architecture, "os": "linux", "config": i.config,
		"rootfs":  map[string]any{"type": "layers", "diff_ids": []string{sha256Of(layer)}},
		"history": []map[string]any{{"created": created, "created_by": "Containerfile"}},
	})
	if err != nil {
		return "", err
	}
	manifestAt, err := all.addJSON(typeManifest, map[string]any{
		"schemaVersion": 2, "mediaType": typeManifest, "config": configAt, "layers": []descriptor{layerAt},
	})
	if err != nil {
		return "", err
	}
	manifestAt.Platform = &platform{architecture, "linux"}
	manifestAt.Annotations = map[string]string{"org.opencontainers.image.ref.name": name, "io.containerd.image.name": name}
	return manifestAt.Digest, writeArchive(archive, name, all, manifestAt, configAt, layerAt)
}

// writeArchive writes an OCI image layout as a tar file, with the index that docker load reads as well.
func writeArchive(archive, name string, all blobs, manifest, config, layer descriptor) error {
	index, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": typeIndex, "manifests": []descriptor{manifest}})
	if err != nil {
		return err
	}
	docker, err := json.Marshal([]map[string]any{{
		"Config": blobPath(config.Digest), "RepoTags": []string{name}, "Layers": []string{blobPath(layer.Digest)},
	}})
	if err != nil {
		return err
	}

	var text bytes.Buffer
	w := tar.NewWriter(&text)
	put := func(name string, content []byte) {
		err = errors.Join(err, w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), Format: tar.FormatUSTAR}))
		_, writeErr := w.Write(content)
		err = errors.Join(err, writeErr)
	}
	put("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`))
	put("index.json", index)
	put("manifest.json", docker)
	for _, digest := range slices.Sorted(maps.Keys(all)) {
		put(blobPath(digest), all[digest])
	}
	if err := errors.Join(err, w.Close()); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(archive), 0o755); err != nil {
		return err
	}
	return os.WriteFile(archive, text.Bytes(), 0o644)
}

func blobPath(digest string) string { return "blobs/" + strings.Replace(digest, ":", "/", 1) }

// layer writes the tar file of what is copied. Directories above a file are made, as engines do.
func (i *image) layer(directory string) (layer []byte, architecture string, err error) {
	var text bytes.Buffer
	w := tar.NewWriter(&text)
	made := map[string]bool{"/": true}
	var parents func(name string) error
	parents = func(name string) error {
		if made[name] {
			return nil
		}
		if err := parents(path.Dir(name)); err != nil {
			return err
		}
		made[name] = true
		return w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: strings.TrimPrefix(name, "/") + "/", Mode: 0o755})
	}

	for _, c := range i.copies {
		if err := parents(path.Dir(c.to)); err != nil {
			return nil, "", err
		}
		made[c.to] = true
		if err := i.copy(w, filepath.Join(directory, c.from), c, &architecture); err != nil {
			return nil, "", err
		}
	}
	if architecture == "" {
		return nil, "", errors.New("nothing that is copied is the program of the image's entry point")
	}
	err = w.Close()
	return text.Bytes(), architecture, err
}

// copy writes one file, or one empty directory.
func (i *image) copy(w *tar.Writer, from string, c copied, architecture *string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	mode := c.mode
	if mode == 0 {
		mode = int64(info.Mode().Perm())
	}
	header := &tar.Header{Name: strings.TrimPrefix(c.to, "/"), Uid: c.uid, Gid: c.gid, Mode: mode}

	if info.IsDir() {
		inside, err := os.ReadDir(from)
		if err != nil {
			return err
		}
		if len(inside) > 0 {
			return fmt.Errorf("%s: %w: only an empty directory is copied", from, fs.ErrInvalid)
		}
		header.Typeflag, header.Name = tar.TypeDir, header.Name+"/"
		return w.WriteHeader(header)
	}

	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if len(i.config.Entrypoint) > 0 && i.config.Entrypoint[0] == c.to {
		if *architecture, err = architectureOf(from); err != nil {
			return err
		}
	}
	header.Size = int64(len(content))
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	_, err = w.Write(content)
	return err
}

// architectureOf returns for which processor a program is, as OCI names it. It refuses a program that needs anything beside it in
// the image.
func architectureOf(file string) (string, error) {
	program, err := elf.Open(file)
	if err != nil {
		return "", fmt.Errorf("%s is no program for Linux: %w", file, err)
	}
	defer program.Close()
	architecture := map[elf.Machine]string{elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64"}[program.Machine]
	if architecture == "" {
		return "", fmt.Errorf("%s is for %v, and images are made for amd64 and arm64", file, program.Machine)
	}
	if slices.ContainsFunc(program.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		return "", fmt.Errorf("%s is not static: build it with CGO_ENABLED=0", file)
	}
	return architecture, nil
}

// commitTime is the time that SOURCE_DATE_EPOCH gives (https://reproducible-builds.org/specs/source-date-epoch), which the Makefile
// sets to the commit's, or the epoch.
func commitTime() (time.Time, error) {
	seconds := int64(0)
	if text := os.Getenv("SOURCE_DATE_EPOCH"); text != "" {
		var err error
		if seconds, err = strconv.ParseInt(text, 10, 64); err != nil {
			return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
		}
	}
	return time.Unix(seconds, 0).UTC(), nil
}
