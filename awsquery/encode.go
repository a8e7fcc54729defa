package awsquery

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// EncodeResponse writes the answer of an operation: the result element, made from out, a pointer to the output, and the request
// id. For an operation without a result element, out is ignored. Absent members are left out, except booleans and required
// members. An empty list or map that is not nil becomes an empty element.
//
// It returns an error when the operation has a result element and out is no struct.
func EncodeResponse(w *bytes.Buffer, op *Operation, out any, requestID string) error {
	fmt.Fprintf(w, `<%sResponse xmlns="%s">`, op.Name, op.Namespace)
	if op.Output != nil {
		value := reflect.Indirect(reflect.ValueOf(out))
		if value.Kind() != reflect.Struct {
			return fmt.Errorf("encode the answer of %s: there is none", op.Name)
		}
		open(w, op.ResultWrapper)
		encodeMembers(w, op.Output, value)
		end(w, op.ResultWrapper)
	}
	open(w, "ResponseMetadata")
	text(w, "RequestId", requestID)
	end(w, "ResponseMetadata")
	end(w, op.Name+"Response")
	return nil
}

// EncodeError writes the answer for an error, in the XML namespace of the service that was called.
func EncodeError(w *bytes.Buffer, namespace string, e *Error, requestID string) {
	fmt.Fprintf(w, `<ErrorResponse xmlns="%s">`, namespace)
	open(w, "Error")
	text(w, "Type", e.Fault())
	text(w, "Code", e.Code)
	text(w, "Message", e.Message)
	end(w, "Error")
	text(w, "RequestId", requestID)
	end(w, "ErrorResponse")
}

func open(w *bytes.Buffer, name string) {
	w.WriteByte('<')
	w.WriteString(name)
	w.WriteByte('>')
}

func end(w *bytes.Buffer, name string) {
	w.WriteString("</")
	w.WriteString(name)
	w.WriteByte('>')
}

func text(w *bytes.Buffer, name, s string) {
	open(w, name)
	escape(w, s)
	end(w, name)
}

func encodeMembers(w *bytes.Buffer, s *Shape, value reflect.Value) {
	for n := range s.Members {
		m := &s.Members[n]
		field := value.Field(n)
		if field.IsZero() && !m.Required && field.Kind() != reflect.Bool {
			continue
		}
		if field.Kind() == reflect.Pointer {
			field = field.Elem()
		}
		encodeValue(w, m.Name, m.Shape, field)
	}
}

var documentType = reflect.TypeFor[Document]()

func encodeValue(w *bytes.Buffer, name string, s *Shape, value reflect.Value) {
	if (s.Kind == Sequence || s.Kind == Map) && value.Len() == 0 {
		w.WriteString("<" + name + "/>")
		return
	}

	open(w, name)
	switch s.Kind {
	case String:
		if value.Type() == documentType {
			w.WriteString(Document(value.String()).Encoded()) // has no character that XML would have escaped
		} else {
			escape(w, value.String())
		}
	case Integer:
		w.Write(strconv.AppendInt(w.AvailableBuffer(), value.Int(), 10))
	case Boolean:
		w.Write(strconv.AppendBool(w.AvailableBuffer(), value.Bool()))
	case Timestamp:
		t, _ := reflect.TypeAssert[time.Time](value)
		w.Write(t.UTC().AppendFormat(w.AvailableBuffer(), "2006-01-02T15:04:05Z"))
	case Blob:
		w.Write(base64.StdEncoding.AppendEncode(w.AvailableBuffer(), value.Bytes()))
	case Sequence:
		for n := range value.Len() {
			encodeValue(w, "member", s.Element, value.Index(n))
		}
	case Map:
		keys := value.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, key := range keys {
			open(w, "entry")
			text(w, "key", key.String())
			encodeValue(w, "value", s.Element, value.MapIndex(key))
			end(w, "entry")
		}
	case Structure:
		encodeMembers(w, s, value)
	}

	end(w, name)
}

// escape writes text. Characters that XML 1.0 (section 2.2) cannot hold, and bytes that are not UTF-8, become U+FFFD; white
// space that a reader would turn into something else, and carriage returns, become references.
func escape(w *bytes.Buffer, s string) {
	last := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c < utf8.RuneSelf && c != '&' && c != '<' && c != '>' && c != '"' && c != '\'' {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if by := reference(r, size); by != "" {
			w.WriteString(s[last:i])
			w.WriteString(by)
			last = i + size
		}
		i += size
	}
	w.WriteString(s[last:])
}

// reference returns what is written in place of a character in XML, or "" when the character is written as it is.
func reference(r rune, size int) string {
	switch r {
	case '&':
		return "&amp;"
	case '<':
		return "&lt;"
	case '>':
		return "&gt;"
	case '"':
		return "&quot;"
	case '\'':
		return "&#39;"
	case '\t':
		return "&#x9;"
	case '\n':
		return "&#xA;"
	case '\r':
		return "&#xD;"
	case 0xFFFE, 0xFFFF:
		return "\uFFFD"
	}

	if r < ' ' || r == utf8.RuneError && size == 1 {
		return "\uFFFD"
	}
	return ""
}
