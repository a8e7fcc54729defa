// Command image writes Touchstone's container image as an OCI archive, which docker load, podman load and skopeo read. It needs no
// container engine: the image is one layer of a few files, and the archive is a tar file of JSON documents and that layer (OCI
// Image Format Specification 1.1), so it is written here with the standard library. A library (google/go-containerregistry) would
// add its own dependencies for the two hundred lines of this command.
//
// The Containerfile says what is in the image. This command reads it, so that there is one description; it knows the instructions
// that the file has and refuses any other. The same binary gives the same archive, byte for byte: times are those of the commit.
//
// Before it, the command stages in bin/image what the Containerfile copies beside the binary.
package main

import (
	"encoding/pem"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("image: ")
	out := flag.String("o", "bin/touchstone-image.tar", "file to write")
	name := flag.String("name", "localhost/touchstone:latest", "name that the image has once it is loaded")
	version := flag.String("version", "", "version for the image's label")
	stageOnly := flag.Bool("stage", false, "only stage the files that the Containerfile copies")
	flag.Parse()

	if err := stage("bin/image"); err != nil {
		log.Fatal(err)
	}
	if *stageOnly {
		return
	}
	digest, err := build(".", *name, *version, *out)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s: %s %s\n", *out, *name, digest)
}

// stage makes the files of the image that are not the binary: the certificates and an empty data directory.
func stage(directory string) error {
	if err := os.MkdirAll(filepath.Join(directory, "data"), 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(directory, "ca-certificates.crt"), roots(), 0o644)
}

// roots are Mozilla's root certificates, as the Go project publishes them. Those that are trusted for some names or times only are
// left out, since a file of certificates cannot say so.
func roots() []byte {
	var text []byte
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate})...)
		}
	}
	return text
}
