package store

// Setting reads an installation-wide value; "" when it was never set.
func (tx *Tx) Setting(name string) (string, error) {
	var value string
	err := tx.get(`select coalesce(max(value), '') from installation where name = $1`, []any{name}, &value)
	return value, err
}

// SetSetting stores an installation-wide value.
func (tx *Tx) SetSetting(name, value string) error {
	_, err := tx.exec(`insert into installation (name, value) values ($1, $2)
		on conflict (name) do update set value = excluded.value`, name, value)
	return err
}
