package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// image is what a Containerfile describes.
type image struct {
	config config
	copies []copied
}

// copied is a COPY instruction.
type copied struct {
	from, to string
	uid, gid int
	mode     int64 // 0: as the file has it
}

// config is the execution part of an image's configuration (OCI Image Configuration, "config").
type config struct {
	User         string              `json:",omitempty"`
	ExposedPorts map[string]struct{} `json:",omitempty"`
	Env          []string            `json:",omitempty"`
	Entrypoint   []string            `json:",omitempty"`
	Cmd          []string            `json:",omitempty"`
	Volumes      map[string]struct{} `json:",omitempty"`
	WorkingDir   string              `json:",omitempty"`
	Labels       map[string]string   `json:",omitempty"`
}

// readContainerfile reads the instructions that Touchstone's Containerfile has, in the forms that it has them, and refuses any
// other.
func readContainerfile(path string) (*image, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}

	i := &image{config: config{ExposedPorts: map[string]struct{}{}, Volumes: map[string]struct{}{}, Labels: map[string]string{}}}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, rest, _ := strings.Cut(line, " ")
		if err := i.instruction(name, strings.TrimSpace(rest)); err != nil {
			return nil, fmt.Errorf("%s:%d: %s: %w", path, number, name, err)
		}
	}
	return i, nil
}

func (i *image) instruction(name, rest string) error {
	switch name {
	case "FROM":
		if rest != "scratch" {
			return fmt.Errorf("only scratch is known, not %s", rest)
		}
	case "LABEL":
		for _, pair := range strings.Fields(rest) {
			key, value, _ := strings.Cut(pair, "=")
			i.config.Labels[key] = strings.Trim(value, `"`)
		}
	case "ENV":
		i.config.Env = append(i.config.Env, strings.Fields(rest)...)
	case "USER":
		i.config.User = rest
	case "WORKDIR":
		i.config.WorkingDir = rest
	case "EXPOSE":
		i.config.ExposedPorts[rest+"/tcp"] = struct{}{}
	case "VOLUME":
		i.config.Volumes[rest] = struct{}{}
	case "ENTRYPOINT":
		return json.Unmarshal([]byte(rest), &i.config.Entrypoint)
	case "CMD":
		return json.Unmarshal([]byte(rest), &i.config.Cmd)
	case "COPY":
		c, err := readCopy(strings.Fields(rest))
		i.copies = append(i.copies, c)
		return err
	default:
		return fmt.Errorf("this instruction is not known here")
	}

	return nil
}

// readCopy reads the words of a COPY: options, one source, and the destination.
func readCopy(words []string) (c copied, err error) {
	for ; len(words) > 0 && strings.HasPrefix(words[0], "--"); words = words[1:] {
		option, value, _ := strings.Cut(words[0], "=")
		switch option {
		case "--chown":
			_, err = fmt.Sscanf(value, "%d:%d", &c.uid, &c.gid)
		case "--chmod":
			c.mode, err = strconv.ParseInt(value, 8, 64)
		default:
			err = fmt.Errorf("the option %s is not known here", option)
		}
		if err != nil {
			return c, err
		}
	}

	if len(words) != 2 {
		return c, fmt.Errorf("one source and one destination are wanted")
	}
	c.from, c.to = words[0], words[1]
	return c, nil
}
