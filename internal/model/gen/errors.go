package main

// errors writes a function for each error code, which makes the error.
func (g *generator) errors(s *source) error {
	for _, e := range g.service.Errors {
		s.p("// %s returns the error of that code, HTTP status %d, with a formatted message.", e.Name, e.Value.HTTPStatus)
		s.p("func %s(format string, args ...any) *awsquery.Error {", exported(e.Name))
		s.p("return &awsquery.Error{Code: %q, Status: %d, Message: fmt.Sprintf(format, args...)}\n}\n", e.Name, e.Value.HTTPStatus)
	}
	return nil
}
