package signin_test

import (
	"github.com/touchstone-iam/touchstone/internal/operator"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

func operatorWho(a *touchtest.Account, user string) operator.Who {
	return operator.Who{Account: a.ID, User: user}
}
