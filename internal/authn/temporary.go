package authn

import (
	"errors"
	"net/http"
	"time"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/sigv4"
)

// Temporary is what a session token says about the temporary credentials that it belongs to.
type Temporary struct {
	AccessKeyID     string
	SecretAccessKey string
	AccountID       string
	PrincipalID     string // the internal id of whose credentials they are
	Scope           Scope
	IssuedAt        time.Time
	ExpiresAt       time.Time
	Epoch           int64     // the principal's SessionsEpoch when they were issued
	MFAAt           time.Time // zero: issued without MFA
	MFASerial       string
}

// OpenToken opens a session token. An error means that the token is not one of this installation's; nothing more is told.
type OpenToken func(token string) (*Temporary, error)

// AcceptTokens makes the authenticator accept temporary credentials whose tokens open can read. Without it none is accepted. It is
// called before the authenticator is used.
func (a *Authenticator) AcceptTokens(open OpenToken) { a.openToken = open }

// maxTemporary is the longest that temporary credentials may last (IAM User Guide, "Request temporary security credentials").
const maxTemporary = 36 * time.Hour

func errExpiredToken() error {
	return &awsquery.Error{
		Code: "ExpiredToken", Status: http.StatusForbidden,
		Message: "The security token included in the request is expired",
	}
}

// signedTemporary authenticates a request that was signed with temporary credentials.
func (a *Authenticator) signedTemporary(tx *store.Tx, sig *sigv4.Signature, r *http.Request, payloadHash string,
	now time.Time,
) (*Caller, error) {
	t, err := a.sessionOf(sig)
	if err != nil {
		return nil, err
	}

	// The signature comes first, so that whoever does not hold the secret learns nothing about the session.
	key := sigv4.SigningKey(t.SecretAccessKey, sig.Date, sig.Region, sig.Service)
	if err := sig.Verify(key, r, payloadHash, now, a.skew); err != nil {
		return nil, err
	}
	return a.temporary(tx, t, now)
}

// sessionOf opens the session token of a signature, which must be of the access key that it names.
func (a *Authenticator) sessionOf(sig *sigv4.Signature) (*Temporary, error) {
	if a.openToken == nil {
		return nil, errUnknownKey()
	}
	t, err := a.openToken(sig.SessionToken)
	if err != nil || t.AccessKeyID != sig.AccessKeyID {
		return nil, errUnknownKey()
	}
	return t, nil
}

// temporary makes the caller of temporary credentials, which are void once they have expired, once the principal is gone, and when
// the principal's sessions were ended after they were issued.
func (a *Authenticator) temporary(tx *store.Tx, t *Temporary, now time.Time) (*Caller, error) {
	if store.Expired(t.ExpiresAt, now, maxTemporary) {
		return nil, errExpiredToken()
	}

	freshness, err := tx.Freshness(t.AccountID)
	if err == nil {
		var principal *store.Principal
		if principal, err = tx.Principal(t.AccountID, t.PrincipalID); err == nil && t.Epoch == principal.SessionsEpoch {
			return &Caller{
				Principal: principal, Credential: TemporaryKey, Scope: t.Scope, AccessKeyID: t.AccessKeyID,
				IssuedAt: t.IssuedAt, MFAAt: t.MFAAt, MFASerial: t.MFASerial,
				Freshness: freshness, temporary: t, authentic: true,
			}, nil
		}
	}

	if err == nil || errors.Is(err, store.ErrNotFound) {
		return nil, errUnknownKey()
	}
	return nil, err
}
