// Package seed reads seeds: files, in YAML or JSON, of the accounts that an installation begins with. It knows the form of such a
// file and where each value stands in it. What the values may be is decided by those who make the accounts, in package operator.
//
// Reading is strict: a field that is not known, a field that stands twice and a value of another form are refused, so that nothing
// in a file is left out by mistake. docs/seed.md explains the fields, and docs/seed.schema.json is their JSON schema.
package seed

import (
	"fmt"
	"io"
	"os"

	"github.com/touchstone-iam/touchstone/internal/plainyaml"
)

// Seed is a file that was read.
type Seed struct {
	File     string    `seed:"-"` // its name, for messages
	Accounts []Account `seed:"accounts,required" about:"The accounts."`
}

// Account is an account with its root user and its users. Groups, roles and managed policies will have fields beside those of
// users.
type Account struct {
	ID    Text `seed:"id" about:"The account id, 12 digits. Without it one is drawn."`
	Alias Text `seed:"alias" about:"The account alias, which stands for the id in the sign-in address."`

	RootEmail      Text        `seed:"rootEmail,required" about:"The root user's e-mail address, with which root signs in."`
	RootPassword   Text        `seed:"rootPassword" about:"The root user's password. Without it a set-up link is printed, on which it is chosen."`
	RootAccessKeys []AccessKey `seed:"rootAccessKeys" about:"Access keys of the root user."`

	Users []User `seed:"users" about:"The IAM users."`
}

// User is an IAM user with its credentials and policies.
type User struct {
	Name Text   `seed:"name,required" about:"The user's name."`
	Path Text   `seed:"path" about:"The path, such as /division/. Without it, the path is /."`
	Tags []Pair `seed:"tags" about:"The tags: a value for each key."`

	Password              Text        `seed:"password" about:"The console password. Without it the user has none."`
	PasswordResetRequired Flag        `seed:"passwordResetRequired" about:"Whether a new password must be chosen at the first sign-in."`
	AccessKeys            []AccessKey `seed:"accessKeys" about:"The access keys."`

	InlinePolicies []Policy `seed:"inlinePolicies" about:"The inline policies: a document for each name."`
}

// AccessKey is an access key whose id and secret the file fixes.
type AccessKey struct {
	ID     Text `seed:"id,required" about:"The access key id: 16 to 128 letters, digits and underscores, such as AKIAIOSFODNN7EXAMPLE."`
	Secret Text `seed:"secret,required" about:"The secret access key: 16 to 128 printable characters of ASCII without spaces."`
}

// Text is a value with the line that it stands on; the line is 0 when the file does not have it.
type Text struct {
	Value string
	Line  int
}

// Flag is yes or no, with the line that it stands on.
type Flag struct {
	Value bool
	Line  int
}

// Pair is an entry of an object whose keys the file chooses.
type Pair struct{ Key, Value Text }

// Policy is a policy with its name.
type Policy struct {
	Name     Text
	Document Document
}

// Document is a policy document, which the file has as an object or as text.
type Document struct {
	JSON string // as it is to be stored

	// Lined is the document with every value as many lines below its beginning as it is below Line in the file.
	Lined string
	Line  int
}

// Fault is something wrong in a seed, with its place. Its text is for the person who wrote the file.
type Fault struct {
	File   string
	Line   int
	Reason string
}

// Error begins with the place, as compilers write it.
func (f *Fault) Error() string { return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.Reason) }

// Fault returns a fault on a line of the file.
func (s *Seed) Fault(line int, format string, args ...any) error {
	return &Fault{s.File, line, fmt.Sprintf(format, args...)}
}

// maxFile is the size, in bytes, over which a file is not read.
const maxFile = 4 << 20

// Read reads a seed. Its error joins all faults of form that the file has, each a [*Fault].
func Read(file string) (*Seed, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read the seed: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read the seed: %w", err)
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("%s has more than %d bytes, and a seed may not", file, maxFile)
	}
	return parse(file, text)
}

func parse(file string, text []byte) (*Seed, error) {
	s := &Seed{File: file}
	document, err := plainyaml.Parse(text)
	if err != nil {
		return nil, placed(file, err)
	}

	d := decoder{seed: s}
	d.object(document, s)
	return s, d.err()
}
