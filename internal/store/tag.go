package store

// Tag is a key and value that something carries.
type Tag struct{ Key, Value string }

// Owner is what carries tags: its kind, and its internal id within the account.
type Owner struct {
	kind string
	id   string
}

// Owner is the principal as the owner of its tags.
func (p *Principal) Owner() Owner { return Owner{"principal", p.ID} }

// Tags lists what its owner carries, in the order in which the tags were given.
func (tx *Tx) Tags(account string, owner Owner) ([]Tag, error) {
	return list(tx, func(row scanner) (t Tag, err error) {
		err = row.Scan(&t.Key, &t.Value)
		return t, err
	}, `select tag_key, tag_value from tag where account_id = $1 and owner_kind = $2 and owner_id = $3 order by position, tag_key`,
		account, owner.kind, owner.id)
}

// InsertTags adds tags to an owner that has none of these keys. ErrConflict otherwise.
func (tx *Tx) InsertTags(account string, owner Owner, tags []Tag) error {
	for n, t := range tags {
		if _, err := tx.exec(`insert into tag (account_id, owner_kind, owner_id, tag_key, tag_value, position)
			values ($1, $2, $3, $4, $5, $6)`, account, owner.kind, owner.id, t.Key, t.Value, n); err != nil {
			return err
		}
	}

	return nil
}
