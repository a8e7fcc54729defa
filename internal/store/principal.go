package store

import (
	"fmt"
	"strings"
	"time"
)

// Kind is what sort of principal a principal is.
type Kind string

// The kinds of principal. Each account has one root user. The root user and users may have credentials.
const (
	Root  Kind = "root"
	User  Kind = "user"
	Group Kind = "group"
	Role  Kind = "role"
)

// Principal is the root user, a user, a group or a role of an account.
type Principal struct {
	AccountID string

	// ID is random, internal and never reused: caches, tokens and cookies carry it instead of a name, so that a user who is deleted
	// and made again under the same name is somebody else.
	ID string

	Kind     Kind
	UniqueID string // AIDA… for a user; the account id for root
	Name     string // "" for root
	Path     string

	// Version is 1 in a new principal. The store raises it with every change to what a decision reads of the principal: its name,
	// path, tags, inline policies, attached policies and permissions boundary. What was derived from these holds for as long as
	// the version stays. Credentials, sessions and times of last use leave it alone.
	Version int64

	SessionsNotBefore  time.Time // when the sessions made until then were ended
	SessionsEpoch      int64     // how often that was done; sessions of an earlier epoch no longer count
	CreatedAt          time.Time
	PasswordLastUsedAt time.Time // zero when there was no sign-in
}

// ARN is the principal's Amazon Resource Name (IAM User Guide, "IAM identifiers").
func (p *Principal) ARN() string {
	if p.Kind == Root {
		return "arn:aws:iam::" + p.AccountID + ":root"
	}
	return "arn:aws:iam::" + p.AccountID + ":" + string(p.Kind) + p.Path + p.Name
}

// UserARN is the ARN of the user with this path and name.
func UserARN(account, path, name string) string {
	return (&Principal{AccountID: account, Kind: User, Path: path, Name: name}).ARN()
}

// principalColumns are a principal's columns in a statement that calls its table p.
const principalColumns = `p.account_id, p.principal_id, p.kind, p.unique_id, p.name, p.path, p.version, p.sessions_not_before,
	p.created_at, p.password_last_used_at, p.sessions_epoch`

func (p *Principal) columns() []any {
	return []any{
		&p.AccountID, &p.ID, &p.Kind, &p.UniqueID, &p.Name, &p.Path, &p.Version,
		instant{&p.SessionsNotBefore},
		instant{&p.CreatedAt},
		instant{&p.PasswordLastUsedAt},
		&p.SessionsEpoch,
	}
}

func scanPrincipal(row scanner) (p Principal, err error) {
	err = row.Scan(p.columns()...)
	return p, err
}

// InsertPrincipal creates a principal. ErrConflict when the account has one of that kind and name, ignoring case.
func (tx *Tx) InsertPrincipal(p *Principal) error {
	if _, err := tx.exec(`insert into principal (account_id, principal_id, kind, unique_id, name, name_key, path, version,
		sessions_not_before, created_at, password_last_used_at) values ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9, $10)`,
		p.AccountID, p.ID, p.Kind, p.UniqueID, p.Name, Fold(p.Name), p.Path,
		micros(p.SessionsNotBefore), micros(p.CreatedAt), micros(p.PasswordLastUsedAt)); err != nil {
		return err
	}
	return tx.countUp(p.AccountID, string(p.Kind))
}

// Principal reads a principal by its internal id. ErrNotFound.
func (tx *Tx) Principal(account, id string) (*Principal, error) {
	return one(tx, scanPrincipal, `select `+principalColumns+` from principal p where p.account_id = $1 and p.principal_id = $2`,
		account, id)
}

// PrincipalByName reads the principal of a kind that has the name, ignoring case. ErrNotFound.
func (tx *Tx) PrincipalByName(account string, kind Kind, name string) (*Principal, error) {
	return one(tx, scanPrincipal, `select `+principalColumns+` from principal p
		where p.account_id = $1 and p.kind = $2 and p.name_key = $3`, account, kind, Fold(name))
}

// PrincipalByUniqueID reads a principal by the unique id that IAM shows (AIDA…). ErrNotFound.
func (tx *Tx) PrincipalByUniqueID(account, uniqueID string) (*Principal, error) {
	return one(tx, scanPrincipal, `select `+principalColumns+` from principal p where p.account_id = $1 and p.unique_id = $2`,
		account, uniqueID)
}

// RootUser reads the account's root user. ErrNotFound when there is no such account.
func (tx *Tx) RootUser(account string) (*Principal, error) {
	return tx.PrincipalByName(account, Root, "")
}

// Described is a principal with what a description of it shows beside it.
type Described struct {
	Principal
	Tags     []Tag
	Boundary string // ARN of the managed policy that is its permissions boundary; "" when it has none
}

// Described reads a principal by its internal id, in one statement. ErrNotFound.
func (tx *Tx) Described(account, id string) (*Described, error) {
	return tx.described(`p.principal_id = $2`, account, id)
}

// DescribedByName reads the principal of a kind that has the name, ignoring case, in one statement. ErrNotFound.
func (tx *Tx) DescribedByName(account string, kind Kind, name string) (*Described, error) {
	return tx.described(`p.kind = $2 and p.name_key = $3`, account, kind, Fold(name))
}

func (tx *Tx) described(condition string, args ...any) (*Described, error) {
	var (
		d     Described
		found bool
	)
	err := tx.each(`select `+principalColumns+`, coalesce(b.policy_arn, ''), coalesce(t.tag_key, ''), coalesce(t.tag_value, '')
		from principal p
		left join boundary b on b.account_id = p.account_id and b.principal_id = p.principal_id
		left join tag t on t.account_id = p.account_id and t.owner_kind = 'principal' and t.owner_id = p.principal_id
		where p.account_id = $1 and `+condition+` order by t.position, t.tag_key`, args, func(row scanner) error {
		found = true
		var t Tag
		if err := row.Scan(append(d.columns(), &d.Boundary, &t.Key, &t.Value)...); err != nil {
			return err
		}
		if t.Key != "" { // a principal without tags is one row without a tag
			d.Tags = append(d.Tags, t)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}

	if !found {
		return nil, ErrNotFound
	}
	return &d, nil
}

// PrincipalVersion reads only the version. ErrNotFound.
func (tx *Tx) PrincipalVersion(account, id string) (version int64, err error) {
	err = tx.get(`select version from principal where account_id = $1 and principal_id = $2`, []any{account, id}, &version)
	return version, err
}

// raiseVersion raises a principal's version. Every method that changes what [Principal.Version] covers calls it. ErrNotFound.
func (tx *Tx) raiseVersion(account, id string) error {
	return tx.change(`update principal set version = version + 1 where account_id = $1 and principal_id = $2`, account, id)
}

// RenamePrincipal gives a principal a new name and path, and raises its version. ErrConflict when another of its kind has the name.
func (tx *Tx) RenamePrincipal(account, id, name, path string) error {
	return tx.change(`update principal set name = $3, name_key = $4, path = $5, version = version + 1
		where account_id = $1 and principal_id = $2`, account, id, name, Fold(name), path)
}

// DeletePrincipal removes the principal with everything that is its own, credentials included. Whether it may go while it has them
// is for the operation to decide. ErrNotFound.
func (tx *Tx) DeletePrincipal(account, id string) error {
	// The directories come first: they are found through the keys and devices.
	for _, text := range []string{
		`delete from access_key_directory where account_id = $1 and access_key_id in (
			select access_key_id from access_key where account_id = $1 and principal_id = $2)`,
		`delete from credential_directory where account_id = $1 and credential_id in (
			select credential_id from mfa_device where account_id = $1 and principal_id = $2)`,
		`delete from tag where account_id = $1 and owner_kind = 'principal' and owner_id = $2`,
		`delete from ceremony where account_id = $1 and subject_id = $2`,
	} {
		if _, err := tx.exec(text, account, id); err != nil {
			return err
		}
	}

	devices, err := tx.exec(`delete from mfa_device where account_id = $1 and principal_id = $2`, account, id)
	if err != nil {
		return err
	}
	if err := tx.countDown(account, tallyMFADevices, devices); err != nil {
		return err
	}

	for _, table := range []string{
		"password", "access_key", "inline_policy", "attachment", "boundary", "console_session", "ceremony", "setup_link", "notice",
		"known_browser", "proof",
	} {
		if _, err := tx.exec(`delete from `+table+` where account_id = $1 and principal_id = $2`, account, id); err != nil {
			return err
		}
	}

	kind, err := one(tx, scanText, `delete from principal where account_id = $1 and principal_id = $2 returning kind`, account, id)
	if err != nil {
		return err
	}
	return tx.countDown(account, *kind, 1)
}

// SetSessionsNotBefore ends every session of the principal that was made until now, with t as the time at which that was done. What
// is made afterwards belongs to the next epoch and counts, even when the clock has been set back since.
func (tx *Tx) SetSessionsNotBefore(account, id string, t time.Time) error {
	return tx.change(`update principal set sessions_not_before = $3, sessions_epoch = sessions_epoch + 1
		where account_id = $1 and principal_id = $2`,
		account, id, micros(t))
}

// TouchPasswordUse records that the password was used at t. It changes nothing that a decision reads.
func (tx *Tx) TouchPasswordUse(account, id string, t time.Time) error {
	return tx.change(`update principal set password_last_used_at = $3 where account_id = $1 and principal_id = $2`,
		account, id, micros(t))
}

// PrincipalOrder is the column that a page of principals is sorted by. Each is indexed.
type PrincipalOrder string

// The orders of a page of principals.
const (
	ByName            PrincipalOrder = "name_key"
	ByPath            PrincipalOrder = "path"
	ByCreation        PrincipalOrder = "created_at"
	ByPasswordLastUse PrincipalOrder = "password_last_used_at"
)

// PrincipalQuery asks for one page of the principals of a kind.
type PrincipalQuery struct {
	Kind         Kind
	PathPrefix   string         // "" or "/" is every path
	NameContains string         // ignoring case; "" is every name
	Order        PrincipalOrder // "" is by name
	Descending   bool
	After        *Principal // the last principal of the page before, nil for the first page
	Limit        int
}

// filters reports whether the query leaves out any principal of its kind.
func (q *PrincipalQuery) filters() bool {
	return q.PathPrefix != "" && q.PathPrefix != "/" || q.NameContains != ""
}

// where is the query's filter, with its arguments.
func (q *PrincipalQuery) where(account string) (text string, args []any) {
	text, args = ` where account_id = $1 and kind = $2`, []any{account, q.Kind}

	if q.PathPrefix != "" && q.PathPrefix != "/" {
		// Not LIKE, which disregards case in SQLite: paths that differ by it are different resources.
		args = append(args, q.PathPrefix, q.PathPrefix+"\U0010FFFF")
		text += fmt.Sprintf(` and path >= $%d and path < $%d`, len(args)-1, len(args))
	}
	if q.NameContains != "" {
		args = append(args, likeContains(Fold(q.NameContains)))
		text += fmt.Sprintf(` and name_key like $%d escape '\'`, len(args))
	}
	return text, args
}

// likeContains is the LIKE pattern (escape \) of the texts that contain part.
func likeContains(part string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(part) + "%"
}

// Principals reads one page of the principals of a kind, sorted by the query's column and then by name.
func (tx *Tx) Principals(account string, q PrincipalQuery) ([]Principal, error) {
	text, args := q.where(account)
	direction, beyond := "asc", ">"
	if q.Descending {
		direction, beyond = "desc", "<"
	}

	order := ByName
	switch q.Order {
	case ByPath, ByCreation, ByPasswordLastUse:
		order = q.Order
	}

	if q.After != nil {
		name := Fold(q.After.Name)
		switch order {
		case ByName:
			args = append(args, name)
			text += fmt.Sprintf(` and name_key %s $%d`, beyond, len(args))
		default:
			args = append(args, q.After.orderValue(order), name)
			text += fmt.Sprintf(` and (%s, name_key) %s ($%d, $%d)`, order, beyond, len(args)-1, len(args))
		}
	}

	args = append(args, q.Limit)
	text += fmt.Sprintf(` order by %s %s, name_key %s limit $%d`, order, direction, direction, len(args))
	return list(tx, scanPrincipal, `select `+principalColumns+` from principal p`+text, args...)
}

func (p *Principal) orderValue(o PrincipalOrder) any {
	switch o {
	case ByPath:
		return p.Path
	case ByCreation:
		return micros(p.CreatedAt)
	case ByPasswordLastUse:
		return micros(p.PasswordLastUsedAt)
	default:
		return Fold(p.Name)
	}
}

// CountPrincipals counts the principals that the query's kind and filters select, whatever its page. Without a filter it reads a
// number that is kept; with one it costs as much as the account has principals of the kind.
func (tx *Tx) CountPrincipals(account string, q PrincipalQuery) (n int, err error) {
	if !q.filters() {
		return tx.counted(account, string(q.Kind))
	}
	text, args := q.where(account)
	err = tx.get(`select count(*) from principal`+text, args, &n)
	return n, err
}
