// Package awsquery reads and writes the AWS Query protocol that IAM and STS speak: a form with dotted names becomes a Go
// struct ([ParseForm], [Decode]), a Go struct becomes XML ([EncodeResponse], [EncodeError]). Descriptors ([Operation], [Shape]) say
// what the structs mean. They are generated from the service models; the package itself knows no operation.
//
// It checks shape: required members, lengths, ranges, patterns, enumerations. It does not authenticate (package sigv4), does
// not authorise and does not know what exists.
//
// An input is either decoded whole and valid, or refused with an *[Error]; what was written into a refused input must not be
// used. What is beyond a limit is an error and is never cut off. No request makes the package panic, however hostile it is. A
// descriptor that does not fit its struct does, since that is a fault of the program.
package awsquery

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
)

// Operation describes one operation of a service.
type Operation struct {
	Service   string // short name, as in a credential scope: "iam"
	Version   string // API version: "2010-05-08"
	Namespace string // XML namespace of answers
	Name      string // the Action parameter: "CreateUser"

	Action   string   // what a policy must allow: "iam:CreateUser"; "" when other actions are checked in its stead
	Level    Level    // the access level of Action
	Unsigned bool     // is called without credentials
	Errors   []string // codes that it may answer with, beside the common ones

	Input         *Shape
	Output        *Shape // nil: no result element
	NewInput      func() any
	ResultWrapper string   // name of the result element, "" without Output
	Pages         []string // output lists that Marker and MaxItems page through; none: not paginated
	EchoValues    bool     // validation messages show the offending value
}

// Typed is an operation together with the Go types of its input and output. A function that takes a Typed value can demand the
// matching types of its other arguments, so that an operation cannot be called or defined with those of another: such code does
// not compile.
//
// Out is struct{} for an operation without a result element. The generated packages have one value for each operation, such as
// iamapi.GetUser.
type Typed[In, Out any] struct{ *Operation }

// Level is an action's access level in the Service Authorization Reference.
type Level string

// The access levels.
const (
	List        Level = "List"
	Read        Level = "Read"
	Write       Level = "Write"
	Permissions Level = "Permissions management"
	Tagging     Level = "Tagging"
)

// Kind says how a Shape stands on the wire and in Go.
type Kind uint8

// The kinds, with the Go types that hold them. An optional structure, timestamp or number is held by a pointer where its
// absence means something.
const (
	String    Kind = iota // a string type
	Integer               // int
	Boolean               // bool
	Timestamp             // time.Time
	Blob                  // []byte
	Sequence              // slice; the model's word, list, is an access level here
	Map                   // map with keys of a string type
	Structure             // struct; field n is member n
)

// Shape describes a type: how it is written, and what it may hold.
type Shape struct {
	Kind Kind
	// Min and Max bound the code points of a string, the bytes of a blob, the items of a list, the entries of a map, and the
	// value of an integer, which is never negative. Max 0 is no bound.
	Min, Max  int
	Pattern   *Pattern // of a string
	Enum      []string // values that a string may have
	Sensitive bool     // never in a message
	Element   *Shape   // of a list's items or a map's values
	Key       *Shape   // of a map's keys; nil: they are not checked
	Members   []Member // of a structure
}

// Member is a member of a structure.
type Member struct {
	Name     string // on the wire
	Shape    *Shape
	Required bool
}

// Error is an error that is shown to the client. Any other error is internal and is never shown to a client.
type Error struct {
	Code    string // on the wire: "NoSuchEntity"
	Message string
	Status  int   // of HTTP
	Cause   error // for our log, never sent
	// Parameter is the member of the input that is at fault, such as ContextEntries.2, where one is; for pages, never sent.
	Parameter string
	// Detail is what is wrong with the parameter, where the message begins with its name; for pages, never sent.
	Detail string
}

// Error returns the code and message; not the cause, so that an Error may be shown wherever it turns up.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Fault returns whose fault it is, in the words of the Type element: Sender below status 500, Receiver from there on.
func (e *Error) Fault() string {
	if e.Status >= http.StatusInternalServerError {
		return "Receiver"
	}
	return "Sender"
}

// Document is a policy document in an answer. In Go it is the plain text; on the wire it is what [Document.Encoded] returns.
type Document string

// Encoded returns the document percent-encoded as RFC 3986 has it, which is how IAM answers with documents. A blank becomes %20
// and a plus %2B, because clients differ in what they make of a plus.
func (d Document) Encoded() string {
	return strings.ReplaceAll(url.QueryEscape(string(d)), "+", "%20")
}

// Secret is the value of a sensitive member: a password, a secret key, a token. However it is printed, logged or marshalled,
// it shows nothing; [Secret.Reveal] returns the value. On the wire it is a string like any other.
type Secret string

const redacted = "[redacted]"

// Reveal returns the value.
func (s Secret) Reveal() string { return string(s) }

// String hides the value.
func (s Secret) String() string { return redacted }

// GoString hides the value from %#v.
func (s Secret) GoString() string { return redacted }

// Format hides the value from every verb, also from those that are wrong for a string and would print it as a complaint.
func (s Secret) Format(f fmt.State, _ rune) {
	io.WriteString(f, redacted) //nolint:errcheck // a fmt.State takes everything
}

// LogValue hides the value from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText hides the value from JSON and whatever else marshals text.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
