package store

// one reads the row that a statement finds, through scan. ErrNotFound when it finds none.
func one[T any](tx *Tx, scan func(scanner) (T, error), text string, args ...any) (*T, error) {
	var found *T
	err := tx.each(text, args, func(row scanner) error {
		if found != nil {
			return nil
		}
		read, err := scan(row)
		found = &read
		return err
	})
	if err != nil {
		return nil, err
	}

	if found == nil {
		return nil, ErrNotFound
	}
	return found, nil
}
