package store

import (
	"net/url"
	"slices"
)

// WithoutPassword is the URL of a PostgreSQL database as it may be printed; "" when it cannot be read.
func WithoutPassword(databaseURL string) string {
	u, err := url.Parse(databaseURL)
	if err != nil {
		return ""
	}
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	q := u.Query()
	q.Del("password")
	q.Del("sslpassword")
	u.RawQuery = q.Encode()
	return u.String()
}

// libpqParameters are the parameters of a URL that PostgreSQL's own tools take from it as well.
var libpqParameters = []string{
	"host", "hostaddr", "port", "dbname", "user", "passfile", "connect_timeout", "sslmode", "sslrootcert", "sslcert", "sslkey",
	"target_session_attrs",
}

// ForTools is the URL as PostgreSQL's own tools take it, without a password, and the schema that it names; "" for the user's first.
func ForTools(databaseURL string) (tools, schema string) {
	u, err := url.Parse(WithoutPassword(databaseURL))
	if err != nil {
		return "", ""
	}
	q := u.Query()
	schema = q.Get("search_path")
	for name := range q {
		if !slices.Contains(libpqParameters, name) {
			q.Del(name)
		}
	}
	u.RawQuery = q.Encode()
	return u.String(), schema
}
