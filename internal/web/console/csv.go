package console

import (
	"encoding/csv"
	"strings"

	"github.com/touchstone-iam/touchstone/internal/web"
)

// csvFiles are the files that a page with new credentials offers, by file name, with their columns. The page sends the values back,
// because the server no longer has them.
var csvFiles = map[string][]string{
	"accessKeys":  {"Access key ID", "Secret access key"},
	"credentials": {"User name", "Password", "Console sign-in URL"},
}

// downloadCSV answers with what was just shown, as a file.
func downloadCSV(v *web.Visit) error {
	name := v.Form.Get("file")
	columns, ok := csvFiles[name]
	if !ok {
		return web.ErrForm
	}

	row := make([]string, len(columns))
	for n, column := range columns {
		row[n] = inert(v.Form.Get(column))
	}

	h := v.Writer.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+name+`.csv"`)
	w := csv.NewWriter(v.Writer)
	if err := w.WriteAll([][]string{columns, row}); err != nil {
		v.Logger.Debug("download ended", "request_id", v.ID, "error", err)
	}
	return nil
}

// inert keeps a spreadsheet from taking a cell for a formula.
func inert(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
