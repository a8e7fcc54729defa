package authn

import (
	"time"

	"github.com/touchstone-iam/touchstone/internal/ids"
	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// NewAccessKey makes an active access key of a principal. It returns the key's id and its secret, which is stored only
// sealed, so this is the one time that the secret can be shown. Whether the principal may have another key is for the
// caller to decide.
func NewAccessKey(
	tx *store.Tx, secrets *secret.Keyring, accountID, principalID string, now time.Time,
) (id, plain string, err error) {
	id, plain = ids.NewAccessKey(), secret.NewSecretAccessKey()
	err = tx.InsertAccessKey(&store.AccessKey{
		AccountID: accountID, ID: id, PrincipalID: principalID, Active: true, CreatedAt: now,
		SealedSecret: secrets.SealSecretKey(accountID, principalID, id, plain),
	})
	return id, plain, err
}
