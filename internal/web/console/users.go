package console

import (
	"slices"
	"strconv"
	"strings"

	"github.com/touchstone-iam/touchstone/internal/touchstoneapi"
	"github.com/touchstone-iam/touchstone/internal/web"
)

// usersView is the list of users.
type usersView struct {
	web.Page
	web.Section
	Users      []touchstoneapi.UserDetail
	Total      int
	Search     string
	Sort       string
	Descending bool
	Size       int
	Next       string // address of the page after this one; "" when this is the last
	First      string // address of the first page; "" when this is it
}

// pageSizes are those that can be chosen; the first is the default.
var pageSizes = []int{100, 20, 50, 500}

// PageSizes returns the sizes that can be chosen, in order.
func (u *usersView) PageSizes() []int { return slices.Sorted(slices.Values(pageSizes)) }

// address returns the list's address with the same search, in an order, from a marker on.
func (u *usersView) address(sort string, descending bool, marker string) string {
	order, size := "", ""
	if descending {
		order = "descending"
	}
	if u.Size != pageSizes[0] {
		size = strconv.Itoa(u.Size)
	}
	return web.Address(usersPath, "search", u.Search, "sort", sort, "order", order, "size", size, "from", marker)
}

// SortAddress returns the list's address sorted by a column. If the list is sorted by that column already, the order is reversed.
func (u *usersView) SortAddress(column string) string {
	return u.address(column, u.Sort == column && !u.Descending, "")
}

// AriaSort returns how the list is sorted by a column, in the words of WAI-ARIA's attribute aria-sort.
func (u *usersView) AriaSort(column string) string {
	switch {
	case u.Sort != column:
		return "none"
	case u.Descending:
		return "descending"
	}
	return "ascending"
}

// listUsers lists the account's users.
func listUsers(v *web.Visit) error {
	shown := &usersView{
		Page:   web.Page{Title: "Users", Nav: usersPath, Crumbs: web.Crumbs("Users")},
		Search: strings.TrimSpace(v.Query.Get("search")), Sort: v.Query.Get("sort"), Descending: v.Query.Get("order") == "descending",
		Size: pageSizes[0],
	}
	if shown.Sort == "" {
		shown.Sort = string(touchstoneapi.UserSortTypeUserName)
	}
	if size, err := strconv.Atoi(v.Query.Get("size")); err == nil && slices.Contains(pageSizes, size) {
		shown.Size = size
	}

	in := &touchstoneapi.DescribeUsersInput{
		NameContains: shown.Search, SortBy: touchstoneapi.UserSortType(shown.Sort), MaxItems: shown.Size, Marker: v.Query.Get("from"),
	}
	if shown.Descending {
		in.SortOrder = touchstoneapi.SortOrderTypeDescending
	}
	out, err := web.Call(v, touchstoneapi.DescribeUsers, in)
	if shown.Section, err = v.Section(err); err != nil {
		return err
	}
	if !shown.Readable() {
		return v.Show("users", shown)
	}

	shown.Users, shown.Total = out.Users, out.TotalCount
	if out.IsTruncated {
		shown.Next = shown.address(shown.Sort, shown.Descending, out.Marker)
	}
	if in.Marker != "" {
		shown.First = shown.address(shown.Sort, shown.Descending, "")
	}
	return v.Show("users", shown)
}
