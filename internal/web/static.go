package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
)

//go:embed static
var staticFiles embed.FS

var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml", ".woff2": "font/woff2",
}

// asset is a file of static/ as it is served. Its address contains a hash of its content, so that browsers may keep it for ever.
type asset struct {
	contentType string
	plain       []byte
	zipped      []byte // nil: not worth it
}

// assets are the files of static/ by their name in the address.
type assets struct {
	byName map[string]*asset
	names  map[string]string // as written in the source → with the hash
}

// newAssets prepares the files. A style sheet's references to other files get those files' hashed names.
func newAssets() (*assets, error) {
	a := &assets{byName: make(map[string]*asset), names: make(map[string]string)}
	entries, err := fs.ReadDir(staticFiles, "static")
	if err != nil {
		return nil, err
	}

	slices.SortStableFunc(entries, func(x, y fs.DirEntry) int { return refers(x) - refers(y) })
	for _, entry := range entries {
		text, err := fs.ReadFile(staticFiles, "static/"+entry.Name())
		if err != nil {
			return nil, err
		}
		if refers(entry) > 0 {
			for from, to := range a.names {
				text = bytes.ReplaceAll(text, []byte("url("+from+")"), []byte("url("+to+")"))
			}
		}
		if err := a.add(entry.Name(), text); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// refers returns 1 for a style sheet and 0 for any other file. Sorted by it, a style sheet comes after the files that it refers to.
func refers(entry fs.DirEntry) int {
	if path.Ext(entry.Name()) == ".css" {
		return 1
	}
	return 0
}

// add prepares one file under its name with a hash.
func (a *assets) add(name string, text []byte) error {
	sum := sha256.Sum256(text)
	ext := path.Ext(name)
	hashed := strings.TrimSuffix(name, ext) + "-" + hex.EncodeToString(sum[:6]) + ext
	served := &asset{contentType: contentTypes[ext], plain: text}
	if served.contentType == "" {
		return fmt.Errorf("static file %q: of what type?", name)
	}

	if ext != ".woff2" { // which is compressed already
		var zipped bytes.Buffer
		z, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
		if err != nil {
			return err
		}
		if _, err := z.Write(text); err != nil {
			return err
		}
		if err := z.Close(); err != nil {
			return err
		}
		served.zipped = zipped.Bytes()
	}

	a.byName[hashed], a.names[name] = served, hashed
	return nil
}

// url returns the address of a file of static/. An unknown name is a fault of the template.
func (a *assets) url(name string) (string, error) {
	hashed, ok := a.names[name]
	if !ok {
		return "", fmt.Errorf("no static file %q", name)
	}
	return "/static/" + hashed, nil
}

// static answers with the file that the address names.
func (s *site) static(w http.ResponseWriter, r *http.Request) {
	a, err := s.assets()
	if err != nil {
		s.visit(w, r).fail(err)
		return
	}
	served := a.byName[r.PathValue("file")]
	if served == nil {
		s.notFound(w, r)
		return
	}

	h := w.Header()
	h.Set("Content-Type", served.contentType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")

	body := served.plain
	if served.zipped != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = served.zipped
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body) //nolint:errcheck // the browser is gone
}
