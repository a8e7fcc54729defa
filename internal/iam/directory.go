package iam

import (
	"strconv"
	"strings"

	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/touchstoneapi"
)

// The operations in this file are what pages show of many things at once.
func (o *Operations) defineDirectory(t *api.Table) {
	api.Read(t, touchstoneapi.DescribeUsers, onDescribedUsers, o.describeUsers)
	api.Read(t, touchstoneapi.DescribeAccount, open, o.describeAccount, api.Unrecorded())
	api.Read(t, touchstoneapi.ListMFADeviceDetails, onUser, listMFADeviceDetails, api.As(iamapi.ListMFADevices.Name))
}

func onDescribedUsers(r *api.Request, _ *store.Tx, in *touchstoneapi.DescribeUsersInput) (api.Subject[struct{}], error) {
	return api.Subject[struct{}]{Checks: checkUserPath(r, in.PathPrefix)}, nil
}

var userOrders = map[touchstoneapi.UserSortType]store.PrincipalOrder{
	"": store.ByName, "UserName": store.ByName, "Path": store.ByPath, "CreateDate": store.ByCreation,
	"PasswordLastUsed": store.ByPasswordLastUse,
}

func (o *Operations) describeUsers(
	r *api.Request, tx *store.Tx, _ struct{}, in *touchstoneapi.DescribeUsersInput,
) (*touchstoneapi.DescribeUsersOutput, error) {
	account := r.Caller.AccountID()
	q := store.PrincipalQuery{
		Kind:       store.User,
		PathPrefix: in.PathPrefix, NameContains: in.NameContains, Order: userOrders[in.SortBy], Descending: in.SortOrder == "Descending",
	}
	read := func(after string, limit int) (found []store.Principal, err error) {
		page := q
		page.Limit = limit
		if after != "" {
			if page.After, err = continueAfter(after); err != nil {
				return nil, err
			}
		}
		return tx.Principals(account, page)
	}
	list := touchstoneapi.DescribeUsers.Name + " " + string(q.Order) + strconv.FormatBool(q.Descending)
	found, next, err := api.List(list, in, read, placeOf)
	if err != nil {
		return nil, err
	}

	out := &touchstoneapi.DescribeUsersOutput{Users: make([]touchstoneapi.UserDetail, len(found))}
	if out.TotalCount, err = tx.CountPrincipals(account, q); err != nil {
		return nil, err
	}
	for n := range found {
		if out.Users[n], err = o.describeRow(r, tx, &found[n]); err != nil {
			return nil, err
		}
	}
	out.SetPage(next)
	return out, nil
}

// placeOf is where a user stands in every order that there is.
func placeOf(i *store.Principal) string {
	return strings.Join([]string{
		strconv.FormatInt(i.CreatedAt.UnixMicro(), 10), strconv.FormatInt(passwordUse(i), 10), i.Path, i.Name,
	}, "\x00")
}

func passwordUse(i *store.Principal) int64 {
	if i.PasswordLastUsedAt.IsZero() {
		return 0
	}
	return i.PasswordLastUsedAt.UnixMicro()
}

// continueAfter is the inverse of placeOf.
func continueAfter(place string) (*store.Principal, error) {
	parts := strings.Split(place, "\x00")
	if len(parts) != 4 {
		return nil, api.ErrMarker()
	}
	created, err1 := strconv.ParseInt(parts[0], 10, 64)
	used, err2 := strconv.ParseInt(parts[1], 10, 64)
	if err1 != nil || err2 != nil {
		return nil, api.ErrMarker()
	}
	return &store.Principal{
		CreatedAt: store.TimeOf(created), PasswordLastUsedAt: store.TimeOf(used), Path: parts[2],
		Name: parts[3],
	}, nil
}

// describeRow returns a user with the columns that belong to other operations. A column is there only when its operation would be
// allowed on this user.
func (o *Operations) describeRow(r *api.Request, tx *store.Tx, u *store.Principal) (touchstoneapi.UserDetail, error) {
	row := touchstoneapi.UserDetail{
		Path: u.Path, UserName: u.Name, UserId: u.UniqueID, Arn: u.ARN(), CreateDate: u.CreatedAt,
		PasswordLastUsed: timePointer(u.PasswordLastUsedAt),
	}
	tags, err := tx.Tags(u.AccountID, u.Owner())
	if err != nil {
		return row, err
	}

	for _, column := range []struct {
		action string
		read   func() error
	}{
		{iamapi.ListMFADevices.Action, func() error {
			n, err := tx.CountMFADevices(u.AccountID, u.ID)
			row.MFADevices = &n
			return err
		}},
		{iamapi.ListAccessKeys.Action, func() error {
			keys, err := tx.AccessKeys(u.AccountID, u.ID)
			all, active := len(keys), 0
			for _, k := range keys {
				if k.Active {
					active++
				}
			}
			row.AccessKeys, row.ActiveAccessKeys = &all, &active
			return err
		}},
		{iamapi.GetLoginProfile.Action, func() error {
			has, err := tx.HasPassword(u.AccountID, u.ID)
			row.HasPassword = &has
			return err
		}},
	} {
		allowed, err := o.Authz.Allows(tx, r.Caller, &r.Env,
			authz.Check{Action: column.action, Resource: u.ARN(), Keys: authz.ResourceTags(tags)})
		if err == nil && allowed {
			err = column.read()
		}
		if err != nil {
			return row, err
		}
	}
	return row, nil
}

// describeAccount answers with what everybody who is signed in may know of the account. The state of the root user's credentials is
// there only for whoever may ask for the account's summary.
func (o *Operations) describeAccount(r *api.Request, tx *store.Tx, _ struct{},
	_ *touchstoneapi.DescribeAccountInput,
) (*touchstoneapi.DescribeAccountOutput, error) {
	account, err := tx.Account(r.Caller.AccountID())
	if err != nil {
		return nil, err
	}
	out := &touchstoneapi.DescribeAccountOutput{AccountId: account.ID, Alias: account.Alias}
	if r.Caller.IsRoot() {
		out.RootEmail = account.RootEmail
	}

	for _, limit := range []struct {
		quota *quota
		to    *int
	}{
		{accessKeysPerUser, &out.AccessKeysPerUserQuota},
		{mfaDevicesPerUser, &out.MFADevicesPerUserQuota},
		{tagsPerUser, &out.TagsPerUserQuota},
	} {
		if *limit.to, err = limit.quota.of(tx, account.ID); err != nil {
			return nil, err
		}
	}

	ok, err := o.Authz.Allows(tx, r.Caller, &r.Env, authz.Check{Action: iamapi.GetAccountSummary.Action, Resource: "*"})
	if err != nil || !ok {
		return out, err
	}
	root, err := rootSummary(tx, account.ID)
	out.RootMFADevices, out.RootAccessKeys = &root.devices, &root.keys
	return out, err
}

func listMFADeviceDetails(
	_ *api.Request, tx *store.Tx, about *target, _ *touchstoneapi.ListMFADeviceDetailsInput,
) (*touchstoneapi.ListMFADeviceDetailsOutput, error) {
	devices, err := tx.MFADevices(about.AccountID, about.ID)
	if err != nil {
		return nil, err
	}
	out := &touchstoneapi.ListMFADeviceDetailsOutput{MFADevices: []touchstoneapi.MFADeviceDetail{}}
	for _, d := range devices {
		out.MFADevices = append(out.MFADevices, touchstoneapi.MFADeviceDetail{
			SerialNumber: d.Serial, UserName: about.Name, DeviceName: d.Name, Kind: "Security key", Model: "Security key",
			EnableDate: d.EnabledAt, LastUsedDate: timePointer(d.LastUsedAt), Marked: d.Marked,
		})
	}
	return out, nil
}
