package iam

import (
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// belonging is something that a principal may have, and that must be gone before the principal can be deleted.
type belonging struct {
	todo string // what must be done first, as AWS's message has it
	has  func(*store.Tx, *store.Principal) (bool, error)
}

// checkDeletable returns DeleteConflict for the first belonging that the principal still has (IAM API Reference, DeleteUser).
func checkDeletable(tx *store.Tx, p *store.Principal, belongings []belonging) error {
	for _, b := range belongings {
		has, err := b.has(tx, p)
		if err != nil {
			return err
		}
		if has {
			return iamapi.DeleteConflict("Cannot delete entity, must %s first.", b.todo)
		}
	}
	return nil
}
