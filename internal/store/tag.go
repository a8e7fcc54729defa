package store

// Tag is a key and value that something carries.
type Tag struct{ Key, Value string }

// Owner is what carries tags: its kind, and its internal id within the account.
type Owner struct {
	kind string
	id   string
}

// ownerPrincipal is the kind of owner that a principal is.
const ownerPrincipal = "principal"

// Owner is the principal as the owner of its tags.
func (p *Principal) Owner() Owner { return Owner{ownerPrincipal, p.ID} }

// key is what the keys of the owner's tags are compared by: principals' without regard to case, as AWS has it, and all others' by
// their bytes.
func (o Owner) key(key string) string {
	if o.kind == ownerPrincipal {
		return Fold(key)
	}
	return key
}

func scanTag(row scanner) (t Tag, err error) {
	err = row.Scan(&t.Key, &t.Value)
	return t, err
}

// Tags lists what its owner carries, in the order in which the keys were first given.
func (tx *Tx) Tags(account string, owner Owner) ([]Tag, error) {
	return list(tx, scanTag, `select tag_key, tag_value from tag where account_id = $1 and owner_kind = $2 and owner_id = $3
		order by position, tag_key`, account, owner.kind, owner.id)
}

// insertTag adds a tag behind those that its owner carries already.
const insertTag = `insert into tag (account_id, owner_kind, owner_id, folded_key, tag_key, tag_value, position)
	values ($1, $2, $3, $4, $5, $6,
		(select coalesce(max(position), -1) + 1 from tag where account_id = $1 and owner_kind = $2 and owner_id = $3))`

// InsertTags adds tags to an owner that has none of these keys, without regard to case. ErrConflict otherwise. It raises a
// principal's version.
func (tx *Tx) InsertTags(account string, owner Owner, tags []Tag) error {
	return tx.writeTags(insertTag, account, owner, tags)
}

// SetTags gives tags to an owner. A tag takes the place of one whose key differs at most by case: key and value become the new
// ones, and its position stays. It raises a principal's version.
func (tx *Tx) SetTags(account string, owner Owner, tags []Tag) error {
	return tx.writeTags(insertTag+` on conflict (account_id, owner_kind, owner_id, folded_key)
		do update set tag_key = excluded.tag_key, tag_value = excluded.tag_value`, account, owner, tags)
}

func (tx *Tx) writeTags(text, account string, owner Owner, tags []Tag) error {
	for _, t := range tags {
		if _, err := tx.exec(text, account, owner.kind, owner.id, owner.key(t.Key), t.Key, t.Value); err != nil {
			return err
		}
	}

	if len(tags) == 0 {
		return nil
	}
	return tx.raiseOwner(account, owner)
}

// DeleteTags removes the tags that have one of the keys, without regard to case. Keys that the owner does not have are no error. It
// raises a principal's version when it removed a tag.
func (tx *Tx) DeleteTags(account string, owner Owner, keys []string) error {
	var removed int64
	for _, key := range keys {
		n, err := tx.exec(`delete from tag where account_id = $1 and owner_kind = $2 and owner_id = $3 and folded_key = $4`,
			account, owner.kind, owner.id, owner.key(key))
		if err != nil {
			return err
		}
		removed += n
	}

	if removed == 0 {
		return nil
	}
	return tx.raiseOwner(account, owner)
}

// raiseOwner raises the version of an owner that is a principal; other owners have none.
func (tx *Tx) raiseOwner(account string, owner Owner) error {
	if owner.kind != ownerPrincipal {
		return nil
	}
	return tx.raiseVersion(account, owner.id)
}
