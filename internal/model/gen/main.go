// Command gen writes the packages iamapi, stsapi and internal/touchstoneapi from the models beside it. It is run by go
// generate in the package model.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run() error {
	files, err := generate(".")
	if err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join("..", "..", name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// generate returns the generated files by their paths in the module, from the models in a directory.
func generate(dir string) (map[string][]byte, error) {
	models, corrections, err := load(dir)
	if err != nil {
		return nil, err
	}

	files := make(map[string][]byte)
	used := make(map[string]bool)
	for _, model := range models {
		for _, s := range model.Services {
			g := &generator{name: s.Name, service: s.Value, overlay: corrections, used: used}
			written, err := g.files()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.Name, err)
			}
			for name, text := range written {
				files[filepath.Join(corrections.Services[s.Name].Directory, name)] = text
			}
		}
	}

	for name := range corrections.Operations {
		if !used[name] {
			return nil, fmt.Errorf("overlay.json: no operation %s", name)
		}
	}

	for name := range corrections.Members {
		if !used[name] {
			return nil, fmt.Errorf("overlay.json: no member %s", name)
		}
	}

	for text := range corrections.Patterns {
		if !used[text] {
			return nil, fmt.Errorf("overlay.json: no input has the pattern %s", text)
		}
	}
	return files, nil
}
