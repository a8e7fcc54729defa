package authn

import (
	"errors"
	"net/http"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// Proof is what the parameters of an unsigned call proved about its sender, such as the subject of a web identity token.
type Proof struct {
	AccountID string // the account that the call is about
	Type      string // as CloudTrail names such a sender: WebIdentityUser or SAMLUser
	Provider  string // that vouches, as trust policies name it
	UserID    string // as CloudTrail has it: provider:audience:subject
	UserName  string
}

// Proven makes the caller of a call that proved who sends it. The operation has checked the proof before; what may have changed
// since then is read from tx.
func (a *Authenticator) Proven(tx *store.Tx, proof *Proof) (*Caller, error) {
	freshness, err := tx.Freshness(proof.AccountID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, &awsquery.Error{
			Code: "InvalidIdentityToken", Status: http.StatusBadRequest, Message: "The account that the call names does not exist.",
		}
	}
	if err != nil {
		return nil, err
	}
	return &Caller{Credential: ProvenCall, Scope: ScopeFull, Freshness: freshness, proof: proof, authentic: true}, nil
}
