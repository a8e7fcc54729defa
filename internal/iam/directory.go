package iam

import (
	"strconv"
	"strings"

	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/touchstoneapi"
)

// The operations in this file are what pages show of many things at once.
func (o *Operations) defineDirectory(t *api.Table) {
	api.Define(t, touchstoneapi.DescribeUsers, api.Op[touchstoneapi.DescribeUsersInput, touchstoneapi.DescribeUsersOutput]{
		Resources: func(r *api.Request, _ *store.Tx, in *touchstoneapi.DescribeUsersInput) ([]authz.Check, error) {
			return []authz.Check{listUsersCheck(r, in.PathPrefix)}, nil
		},
		Execute: o.describeUsers,
	})
	api.Define(t, touchstoneapi.DescribeAccount, api.Op[touchstoneapi.DescribeAccountInput, touchstoneapi.DescribeAccountOutput]{
		Open: true, Execute: o.describeAccount, EventName: "-",
	})
	api.Define(t, touchstoneapi.ListMFADeviceDetails, api.Op[touchstoneapi.ListMFADeviceDetailsInput, touchstoneapi.ListMFADeviceDetailsOutput]{
		Resources: onSubject(func(in *touchstoneapi.ListMFADeviceDetailsInput) string { return in.UserName }),
		Execute:   listMFADeviceDetails, EventName: "ListMFADevices",
	})
}

var userOrders = map[touchstoneapi.UserSortType]store.PrincipalOrder{
	"": store.ByName, "UserName": store.ByName, "Path": store.ByPath, "CreateDate": store.ByCreation, "PasswordLastUsed": store.ByPasswordLastUse,
}

func (o *Operations) describeUsers(r *api.Request, tx *store.Tx, in *touchstoneapi.DescribeUsersInput) (*touchstoneapi.DescribeUsersOutput, error) {
	q := store.PrincipalQuery{
		Kind:       store.User,
		PathPrefix: in.PathPrefix, NameContains: in.NameContains, Order: userOrders[in.SortBy],
		Descending: in.SortOrder == "Descending", Limit: pageSize(in.MaxItems) + 1,
	}
	operation := "DescribeUsers " + string(q.Order) + strconv.FormatBool(q.Descending)
	last, err := decodeMarker(operation, in.Marker)
	if err != nil {
		return nil, err
	}
	if last != "" {
		if q.After, err = continueAfter(last); err != nil {
			return nil, err
		}
	}
	users, err := tx.Principals(r.Caller.AccountID(), q)
	if err != nil {
		return nil, err
	}
	out := &touchstoneapi.DescribeUsersOutput{Users: []touchstoneapi.UserDetail{}}
	if out.TotalCount, err = tx.CountPrincipals(r.Caller.AccountID(), q); err != nil {
		return nil, err
	}
	if len(users) == q.Limit {
		users = users[:q.Limit-1]
		out.IsTruncated, out.Marker = true, encodeMarker(operation, placeOf(&users[len(users)-1]))
	}
	for n := range users {
		row, err := o.describeRow(r, tx, &users[n])
		if err != nil {
			return nil, err
		}
		out.Users = append(out.Users, row)
	}
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
		return nil, validationError("Invalid Marker.")
	}
	created, err1 := strconv.ParseInt(parts[0], 10, 64)
	used, err2 := strconv.ParseInt(parts[1], 10, 64)
	if err1 != nil || err2 != nil {
		return nil, validationError("Invalid Marker.")
	}
	return &store.Principal{CreatedAt: store.TimeOf(created), PasswordLastUsedAt: store.TimeOf(used), Path: parts[2], Name: parts[3]}, nil
}

// describeRow is a user with the columns that belong to other operations, each where that operation would be allowed on this
// user; a column that the caller may not read is absent.
func (o *Operations) describeRow(r *api.Request, tx *store.Tx, i *store.Principal) (touchstoneapi.UserDetail, error) {
	row := touchstoneapi.UserDetail{
		Path: i.Path, UserName: i.Name, UserId: i.UniqueID, Arn: i.ARN(), CreateDate: i.CreatedAt,
		PasswordLastUsed: timePointer(i.PasswordLastUsedAt),
	}
	tags, err := tx.Tags(i.AccountID, i.Owner())
	if err != nil {
		return row, err
	}
	may := func(action string) (bool, error) {
		return o.Authz.Allows(tx, r.Caller, &r.Env, authz.Check{Action: action, Resource: i.ARN(), Keys: resourceTags(tags)})
	}
	if ok, err := may("iam:ListMFADevices"); err != nil {
		return row, err
	} else if ok {
		n, err := tx.CountMFADevices(i.AccountID, i.ID)
		if err != nil {
			return row, err
		}
		row.MFADevices = &n
	}
	if ok, err := may("iam:ListAccessKeys"); err != nil {
		return row, err
	} else if ok {
		keys, err := tx.AccessKeys(i.AccountID, i.ID)
		if err != nil {
			return row, err
		}
		all, active := len(keys), 0
		for _, k := range keys {
			if k.Active {
				active++
			}
		}
		row.AccessKeys, row.ActiveAccessKeys = &all, &active
	}
	if ok, err := may("iam:GetLoginProfile"); err != nil {
		return row, err
	} else if ok {
		has, err := tx.HasPassword(i.AccountID, i.ID)
		if err != nil {
			return row, err
		}
		row.HasPassword = &has
	}
	return row, nil
}

// describeAccount tells what everybody who is signed in may know of the account; the state of the root user's credentials only
// to who may ask for the account's summary.
func (o *Operations) describeAccount(r *api.Request, tx *store.Tx, _ *touchstoneapi.DescribeAccountInput) (*touchstoneapi.DescribeAccountOutput, error) {
	account, err := tx.Account(r.Caller.AccountID())
	if err != nil {
		return nil, err
	}
	out := &touchstoneapi.DescribeAccountOutput{AccountId: account.ID, Alias: account.Alias}
	if r.Caller.IsRoot() {
		out.RootEmail = account.RootEmail
	}
	ok, err := o.Authz.Allows(tx, r.Caller, &r.Env, authz.Check{Action: "iam:GetAccountSummary", Resource: "*"})
	if err != nil || !ok {
		return out, err
	}
	root, err := rootSummary(tx, account.ID)
	out.RootMFADevices, out.RootAccessKeys = &root.devices, &root.keys
	return out, err
}

func listMFADeviceDetails(r *api.Request, tx *store.Tx, in *touchstoneapi.ListMFADeviceDetailsInput) (*touchstoneapi.ListMFADeviceDetailsOutput, error) {
	i, err := find(r, tx, in.UserName)
	if err != nil {
		return nil, err
	}
	devices, err := tx.MFADevices(i.AccountID, i.ID)
	if err != nil {
		return nil, err
	}
	out := &touchstoneapi.ListMFADeviceDetailsOutput{MFADevices: []touchstoneapi.MFADeviceDetail{}}
	for _, d := range devices {
		out.MFADevices = append(out.MFADevices, touchstoneapi.MFADeviceDetail{
			SerialNumber: d.Serial, UserName: i.Name, DeviceName: d.Name, Kind: "Security key", Model: "Security key",
			EnableDate: d.EnabledAt, LastUsedDate: timePointer(d.LastUsedAt), Marked: d.Marked,
		})
	}
	return out, nil
}
