package store

import (
	"fmt"
	"strings"
	"time"
)

// Kind is what sort of principal a principal is.
type Kind string

// The kinds of principal that sign in with a password.
const (
	Root Kind = "root"
	User Kind = "user"
)

// Principal is a root or IAM user. Its ID is random, internal and never reused: caches, tokens and cookies carry it instead
// of a name, so that a user deleted and made again under the same name is somebody else.
type Principal struct {
	AccountID          string
	ID                 string
	Kind               Kind
	UniqueID           string // AIDA…; the account id for root
	Name               string // "" for root
	Path               string
	Version            int64     // raised when its policies, tags, name or path change
	SessionsNotBefore  time.Time // sessions made earlier no longer count
	CreatedAt          time.Time
	PasswordLastUsedAt time.Time
}

// ARN is the principal's Amazon Resource Name (IAM User Guide, "IAM identifiers").
func (i *Principal) ARN() string {
	if i.Kind == Root {
		return "arn:aws:iam::" + i.AccountID + ":root"
	}
	return UserARN(i.AccountID, i.Path, i.Name)
}

// UserARN is the ARN of the user with this path and name.
func UserARN(account, path, name string) string {
	return "arn:aws:iam::" + account + ":user" + path + name
}

const principalColumns = `account_id, principal_id, kind, unique_id, name, path, version, sessions_not_before, created_at, password_last_used_at`

func (i *Principal) columns() []any {
	return []any{
		&i.AccountID, &i.ID, &i.Kind, &i.UniqueID, &i.Name, &i.Path, &i.Version,
		instant{&i.SessionsNotBefore},
		instant{&i.CreatedAt},
		instant{&i.PasswordLastUsedAt},
	}
}

func scanPrincipal(row scanner) (i Principal, err error) {
	err = row.Scan(i.columns()...)
	return i, err
}

// InsertPrincipal creates a principal. ErrConflict when the account has one of that name, ignoring case.
func (tx *Tx) InsertPrincipal(i *Principal) error {
	_, err := tx.exec(`insert into principal (account_id, principal_id, kind, unique_id, name, name_key, path, version,
		sessions_not_before, created_at, password_last_used_at) values ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9, $10)`,
		i.AccountID, i.ID, i.Kind, i.UniqueID, i.Name, Fold(i.Name), i.Path,
		micros(i.SessionsNotBefore), micros(i.CreatedAt), micros(i.PasswordLastUsedAt))
	return err
}

// Principal reads a principal by its internal id. ErrNotFound.
func (tx *Tx) Principal(account, id string) (*Principal, error) {
	var i Principal
	err := tx.get(`select `+principalColumns+` from principal where account_id = $1 and principal_id = $2`, []any{account, id}, i.columns()...)
	return &i, err
}

// UserByName reads a user, ignoring case. ErrNotFound.
func (tx *Tx) UserByName(account, name string) (*Principal, error) {
	var i Principal
	err := tx.get(`select `+principalColumns+` from principal where account_id = $1 and name_key = $2 and kind = 'user'`,
		[]any{account, Fold(name)}, i.columns()...)
	return &i, err
}

// Tagged reads a principal by its internal id, with its tags, in one statement. ErrNotFound.
func (tx *Tx) Tagged(account, id string) (*Principal, []Tag, error) {
	return tx.tagged(`i.principal_id = $2`, account, id)
}

// TaggedUser reads a user by name, ignoring case, with the tags, in one statement. ErrNotFound.
func (tx *Tx) TaggedUser(account, name string) (*Principal, []Tag, error) {
	return tx.tagged(`i.name_key = $2 and i.kind = 'user'`, account, Fold(name))
}

func (tx *Tx) tagged(condition, account, arg string) (*Principal, []Tag, error) {
	var (
		i     *Principal
		tags  []Tag
		first Principal
	)
	_, err := list(tx, func(row scanner) (t Tag, err error) {
		if err = row.Scan(append(first.columns(), &t.Key, &t.Value)...); err != nil {
			return t, err
		}
		i = &first
		if t.Key != "" { // a principal without tags is a row with none
			tags = append(tags, t)
		}
		return t, nil
	}, `select i.account_id, i.principal_id, i.kind, i.unique_id, i.name, i.path, i.version, i.sessions_not_before, i.created_at,
		i.password_last_used_at, coalesce(t.tag_key, ''), coalesce(t.tag_value, '') from principal i
		left join tag t on t.account_id = i.account_id and t.owner_kind = 'principal' and t.owner_id = i.principal_id
		where i.account_id = $1 and `+condition+` order by t.position, t.tag_key`, account, arg)
	if err == nil && i == nil {
		err = ErrNotFound
	}
	return i, tags, err
}

// RootUser reads the account's root user. ErrNotFound when there is no such account.
func (tx *Tx) RootUser(account string) (*Principal, error) {
	var i Principal
	err := tx.get(`select `+principalColumns+` from principal where account_id = $1 and name_key = '' and kind = 'root'`,
		[]any{account}, i.columns()...)
	return &i, err
}

// PrincipalVersion reads only the version. ErrNotFound.
func (tx *Tx) PrincipalVersion(account, id string) (version int64, err error) {
	err = tx.get(`select version from principal where account_id = $1 and principal_id = $2`, []any{account, id}, &version)
	return version, err
}

// RaisePrincipalVersion marks the principal's compiled form stale. ErrNotFound.
func (tx *Tx) RaisePrincipalVersion(account, id string) error {
	return tx.change(`update principal set version = version + 1 where account_id = $1 and principal_id = $2`, account, id)
}

// RenameUser gives a user a new name and path. ErrConflict when the name is taken.
func (tx *Tx) RenameUser(account, id, name, path string) error {
	return tx.change(`update principal set name = $3, name_key = $4, path = $5, version = version + 1
		where account_id = $1 and principal_id = $2`, account, id, name, Fold(name), path)
}

// DeletePrincipal removes the principal with its tags, sessions, ceremonies, links and notices. Whatever must be gone before (keys,
// password, devices, policies) is the operation's to check.
func (tx *Tx) DeletePrincipal(account, id string) error {
	for _, table := range []string{"console_session", "ceremony", "setup_link", "notice", "inline_policy", "attachment", "boundary"} {
		if _, err := tx.exec(`delete from `+table+` where account_id = $1 and principal_id = $2`, account, id); err != nil {
			return err
		}
	}
	if _, err := tx.exec(`delete from tag where account_id = $1 and owner_kind = 'principal' and owner_id = $2`, account, id); err != nil {
		return err
	}
	if _, err := tx.exec(`delete from ceremony where account_id = $1 and subject_id = $2`, account, id); err != nil {
		return err
	}
	return tx.change(`delete from principal where account_id = $1 and principal_id = $2`, account, id)
}

// SetSessionsNotBefore ends every session of the principal that was made before t.
func (tx *Tx) SetSessionsNotBefore(account, id string, t time.Time) error {
	return tx.change(`update principal set sessions_not_before = $3 where account_id = $1 and principal_id = $2`, account, id, micros(t))
}

// TouchPasswordUse records that the password was used at t. It changes nothing that a decision reads.
func (tx *Tx) TouchPasswordUse(account, id string, t time.Time) error {
	return tx.change(`update principal set password_last_used_at = $3 where account_id = $1 and principal_id = $2`, account, id, micros(t))
}

// CountUsers counts the account's users.
func (tx *Tx) CountUsers(account string) (n int, err error) {
	err = tx.get(`select count(*) from principal where account_id = $1 and kind = 'user'`, []any{account}, &n)
	return n, err
}

// UserOrder is the column that a page of users is sorted by. Each is indexed.
type UserOrder string

// The orders of a page of users.
const (
	ByName            UserOrder = "name_key"
	ByPath            UserOrder = "path"
	ByCreation        UserOrder = "created_at"
	ByPasswordLastUse UserOrder = "password_last_used_at"
)

// UserQuery asks for one page of users.
type UserQuery struct {
	PathPrefix   string // "" or "/" is every path
	NameContains string // ignoring case; "" is every name
	Order        UserOrder
	Descending   bool
	After        *Principal // the last user of the page before, nil for the first page
	Limit        int
}

// where is the query's filter, with its arguments starting at $2.
func (q *UserQuery) where(args []any) (string, []any) {
	text := ` where account_id = $1 and kind = 'user'`
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

// Users reads one page of users, sorted by the query's column and then by name.
func (tx *Tx) Users(account string, q UserQuery) ([]Principal, error) {
	text, args := q.where([]any{account})
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
	return list(tx, scanPrincipal, `select `+principalColumns+` from principal`+text, args...)
}

func (i *Principal) orderValue(o UserOrder) any {
	switch o {
	case ByPath:
		return i.Path
	case ByCreation:
		return micros(i.CreatedAt)
	case ByPasswordLastUse:
		return micros(i.PasswordLastUsedAt)
	default:
		return Fold(i.Name)
	}
}

// CountUsersMatching counts the users that the query's filters select, whatever its page.
func (tx *Tx) CountUsersMatching(account string, q UserQuery) (n int, err error) {
	text, args := q.where([]any{account})
	err = tx.get(`select count(*) from principal`+text, args, &n)
	return n, err
}
