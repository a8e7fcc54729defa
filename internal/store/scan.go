package store

import (
	"bytes"
	"database/sql/driver"
	"fmt"
	"time"
)

// scanner is a row being read.
type scanner interface{ Scan(dest ...any) error }

// values is a row as the driver gives it.
type values []driver.Value

// Scan implements scanner, for the types that the store's rows have.
func (row values) Scan(dest ...any) error {
	if len(dest) != len(row) {
		return fmt.Errorf("scan %d columns into %d variables", len(row), len(dest))
	}
	for n, v := range row {
		if err := assign(dest[n], v); err != nil {
			return fmt.Errorf("scan column %d: %w", n+1, err)
		}
	}
	return nil
}

// assign stores a driver's value in the variable that dest points to.
func assign(dest any, v driver.Value) error {
	switch d := dest.(type) {
	case instant:
		return d.Scan(v)
	case *string:
		return assignText(d, v)
	case *Kind:
		return assignText((*string)(d), v)
	case *Stage:
		return assignText((*string)(d), v)
	case *copied:
		return d.assign(v)
	case *[]byte:
		b, ok := v.([]byte)
		if !ok {
			return fmt.Errorf("bytes column holds %T", v)
		}
		*d = bytes.Clone(b)
		return nil
	case *bool:
		switch v := v.(type) {
		case bool:
			*d = v
		case int64:
			*d = v != 0
		default:
			return fmt.Errorf("boolean column holds %T", v)
		}
		return nil
	}

	number, ok := v.(int64)
	if !ok {
		return fmt.Errorf("%T cannot hold %T", dest, v)
	}

	switch d := dest.(type) {
	case *int64:
		*d = number
	case *int:
		*d = int(number)
	case *uint32:
		*d = uint32(number)
	default:
		return fmt.Errorf("no column is read into %T", dest)
	}
	return nil
}

func assignText(d *string, v driver.Value) error {
	text, ok := v.(string)
	if !ok {
		return fmt.Errorf("text column holds %T", v)
	}
	*d = text
	return nil
}

// micros is a time as the store keeps it; the zero time, "never", is 0.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// TimeOf is the time that a number of microseconds since 1970 stands for; 0 is never.
func TimeOf(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// instant scans a stored time into the time.Time it points to.
type instant struct{ t *time.Time }

// Scan implements sql.Scanner.
func (i instant) Scan(v any) error {
	us, ok := v.(int64)
	if !ok {
		return fmt.Errorf("time column holds %T", v)
	}
	*i.t = TimeOf(us)
	return nil
}
