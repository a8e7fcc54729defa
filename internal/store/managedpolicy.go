package store

import "time"

// ManagedPolicy is a policy of an account that can be attached to any number of its principals.
type ManagedPolicy struct {
	AccountID   string
	ID          string // unique forever: ANPA…
	ARN         string
	Name        string
	Path        string
	Description string
	Default     int64 // number of the version that is in force
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// ownerPolicy is the kind of owner that a managed policy is.
const ownerPolicy = "policy"

// Owner is the policy as the owner of its tags.
func (p *ManagedPolicy) Owner() Owner { return Owner{ownerPolicy, p.ID} }

// tallyPolicies is the kind of the managed policies' tally.
const tallyPolicies = "managed-policy"

const managedPolicyColumns = `account_id, policy_id, arn, name, path, description, default_number, created_at, updated_at`

func scanManagedPolicy(row scanner) (p ManagedPolicy, err error) {
	err = row.Scan(&p.AccountID, &p.ID, &p.ARN, &p.Name, &p.Path, &p.Description, &p.Default, instant{&p.CreatedAt},
		instant{&p.UpdatedAt})
	return p, err
}

// InsertManagedPolicy stores a policy with its first version, which is in force. ErrConflict when the account has a policy of that
// name, without regard to case.
func (tx *Tx) InsertManagedPolicy(p *ManagedPolicy, document string) error {
	_, err := tx.exec(`insert into managed_policy (account_id, policy_id, arn, name, name_key, path, description, default_number,
		last_number, version, created_at, updated_at) values ($1, $2, $3, $4, $5, $6, $7, 1, 1, 1, $8, $8)`,
		p.AccountID, p.ID, p.ARN, p.Name, Fold(p.Name), p.Path, p.Description, micros(p.CreatedAt))
	if err != nil {
		return err
	}
	if err := tx.insertPolicyVersion(p, 1, document, p.CreatedAt); err != nil {
		return err
	}
	p.Default, p.UpdatedAt = 1, p.CreatedAt
	return tx.countUp(p.AccountID, tallyPolicies)
}

// ManagedPolicy reads the policy of an account that has the ARN. ErrNotFound.
func (tx *Tx) ManagedPolicy(account, arn string) (*ManagedPolicy, error) {
	return one(tx, scanManagedPolicy, `select `+managedPolicyColumns+` from managed_policy where account_id = $1 and arn = $2`,
		account, arn)
}

// CountManagedPolicies counts an account's policies. It costs the same however many they are.
func (tx *Tx) CountManagedPolicies(account string) (int, error) {
	return tx.counted(account, tallyPolicies)
}

// Usage says in what way a managed policy is used.
type Usage int

// The ways in which a managed policy is used.
const (
	AnyUse         Usage = iota // whether it is used or not
	UsedAtAll                   // attached, or as a boundary
	UsedAttached                // attached to a principal
	UsedAsBoundary              // the permissions boundary of a principal
)

// using are the conditions that a managed policy is used in a way.
var using = map[Usage]string{
	AnyUse:         `1 = 1`,
	UsedAttached:   `exists (` + attachedHere + `)`,
	UsedAsBoundary: `exists (` + boundaryHere + `)`,
	UsedAtAll:      `(exists (` + attachedHere + `) or exists (` + boundaryHere + `))`,
}

const (
	attachedHere = `select 1 from attachment a where a.account_id = managed_policy.account_id and a.policy_arn = managed_policy.arn`
	boundaryHere = `select 1 from boundary b where b.account_id = managed_policy.account_id and b.policy_arn = managed_policy.arn`
)

// ManagedPolicies lists up to limit policies of an account under a path that are used in a way, by folded name, beginning behind
// the name after; "" is the beginning.
func (tx *Tx) ManagedPolicies(account, pathPrefix string, usage Usage, after string, limit int) ([]ManagedPolicy, error) {
	return list(tx, scanManagedPolicy, `select `+managedPolicyColumns+` from managed_policy
		where account_id = $1 and path >= $2 and path < $3 and name_key > $4 and `+using[usage]+` order by name_key limit $5`,
		account, pathPrefix, pathPrefix+"\U0010FFFF", Fold(after), limit)
}

// PolicyUses counts the principals that a managed policy is attached to, and those whose boundary it is.
func (tx *Tx) PolicyUses(account, arn string) (attached, boundaries int, err error) {
	err = tx.get(`select (select count(*) from attachment where account_id = $1 and policy_arn = $2),
		(select count(*) from boundary where account_id = $1 and policy_arn = $2)`, []any{account, arn}, &attached, &boundaries)
	return attached, boundaries, err
}

// DeleteManagedPolicy removes a policy with its versions and tags. ErrNotFound.
func (tx *Tx) DeleteManagedPolicy(p *ManagedPolicy) error {
	if err := tx.change(`delete from managed_policy where account_id = $1 and policy_id = $2`, p.AccountID, p.ID); err != nil {
		return err
	}
	if _, err := tx.exec(`delete from policy_version where account_id = $1 and policy_id = $2`, p.AccountID, p.ID); err != nil {
		return err
	}
	if _, err := tx.exec(`delete from tag where account_id = $1 and owner_kind = $2 and owner_id = $3`,
		p.AccountID, ownerPolicy, p.ID); err != nil {
		return err
	}
	return tx.countDown(p.AccountID, tallyPolicies, 1)
}

// PolicyVersion is one text of a managed policy.
type PolicyVersion struct {
	Number    int64
	Document  string // byte for byte as it was given
	CreatedAt time.Time
}

func scanPolicyVersion(row scanner) (v PolicyVersion, err error) {
	err = row.Scan(&v.Number, &v.Document, instant{&v.CreatedAt})
	return v, err
}

// PolicyVersions lists a policy's versions, newest first.
func (tx *Tx) PolicyVersions(account, policy string) ([]PolicyVersion, error) {
	return list(tx, scanPolicyVersion, `select number, document, created_at from policy_version
		where account_id = $1 and policy_id = $2 order by number desc`, account, policy)
}

// InsertPolicyVersion gives a policy another version, with a number that none of its versions ever had, and returns that number.
// The version is in force from now on when inForce is set.
func (tx *Tx) InsertPolicyVersion(p *ManagedPolicy, document string, inForce bool, now time.Time) (number int64, err error) {
	if err := tx.get(`update managed_policy set last_number = last_number + 1, updated_at = $3
		where account_id = $1 and policy_id = $2 returning last_number`, []any{p.AccountID, p.ID, micros(now)}, &number); err != nil {
		return 0, err
	}
	if err := tx.insertPolicyVersion(p, number, document, now); err != nil {
		return 0, err
	}
	if inForce {
		err = tx.SetDefaultVersion(p.AccountID, p.ID, number, now)
	}
	return number, err
}

func (tx *Tx) insertPolicyVersion(p *ManagedPolicy, number int64, document string, now time.Time) error {
	_, err := tx.exec(`insert into policy_version (account_id, policy_id, number, document, created_at) values ($1, $2, $3, $4, $5)`,
		p.AccountID, p.ID, number, document, micros(now))
	return err
}

// SetDefaultVersion brings another version of a policy into force. It is one write, however many principals the policy governs.
// ErrNotFound when there is no such policy.
func (tx *Tx) SetDefaultVersion(account, policy string, number int64, now time.Time) error {
	return tx.change(`update managed_policy set default_number = $3, version = version + 1, updated_at = $4
		where account_id = $1 and policy_id = $2`, account, policy, number, micros(now))
}

// DeletePolicyVersion removes a version of a policy. ErrNotFound.
func (tx *Tx) DeletePolicyVersion(account, policy string, number int64) error {
	return tx.change(`delete from policy_version where account_id = $1 and policy_id = $2 and number = $3`, account, policy, number)
}

// GoverningPolicy is a managed policy that governs a principal, in the text that is in force.
type GoverningPolicy struct {
	ID       string
	ARN      string
	Name     string
	Version  int64 // differs when the text in force may differ
	Boundary bool  // it limits; otherwise it is attached
	Document string
}

// PolicyState names one state of a managed policy.
type PolicyState struct {
	ID      string
	Version int64
}

// PolicyStates lists the states of the managed policies that govern a principal, as attached ones or as its boundary.
func (tx *Tx) PolicyStates(account, principal string) ([]PolicyState, error) {
	return list(tx, func(row scanner) (s PolicyState, err error) {
		err = row.Scan(&s.ID, &s.Version)
		return s, err
	}, `select policy_id, version from managed_policy where account_id = $1 and arn in (
			select policy_arn from attachment where account_id = $1 and principal_id = $2
			union select policy_arn from boundary where account_id = $1 and principal_id = $2)
		order by policy_id`, account, principal)
}

// GoverningPolicies lists the managed policies that govern a principal: those that are attached, by ARN, and then its boundary.
func (tx *Tx) GoverningPolicies(account, principal string) ([]GoverningPolicy, error) {
	return list(tx, func(row scanner) (g GoverningPolicy, err error) {
		err = row.Scan(&g.ID, &g.ARN, &g.Name, &g.Version, &g.Boundary, &g.Document)
		return g, err
	}, `select p.policy_id, p.arn, p.name, p.version, u.boundary, v.document from (
			select policy_arn, cast(0 as bigint) as boundary from attachment where account_id = $1 and principal_id = $2
			union all select policy_arn, cast(1 as bigint) as boundary from boundary where account_id = $1 and principal_id = $2) u
		join managed_policy p on p.account_id = $1 and p.arn = u.policy_arn
		join policy_version v on v.account_id = $1 and v.policy_id = p.policy_id and v.number = p.default_number
		order by u.boundary, p.arn`, account, principal)
}

// PrincipalsUsing lists up to limit principals that use a managed policy in a way and whose path begins with a prefix, by internal
// id, beginning behind the id after; "" is the beginning.
func (tx *Tx) PrincipalsUsing(account, arn, pathPrefix string, usage Usage, after string, limit int) ([]Principal, error) {
	const (
		attached = `select principal_id from attachment where account_id = $1 and policy_arn = $2`
		boundary = `select principal_id from boundary where account_id = $1 and policy_arn = $2`
	)
	users := map[Usage]string{
		AnyUse: attached + ` union ` + boundary, UsedAtAll: attached + ` union ` + boundary,
		UsedAttached: attached, UsedAsBoundary: boundary,
	}[usage]
	return list(tx, scanPrincipal, `select `+principalColumns+` from principal p
		where p.account_id = $1 and p.path >= $3 and p.path < $4 and p.principal_id > $5 and p.principal_id in (`+users+`)
		order by p.principal_id limit $6`, account, arn, pathPrefix, pathPrefix+"\U0010FFFF", after, limit)
}
