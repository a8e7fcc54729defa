package arn_test

import (
	"fmt"

	"github.com/touchstone-iam/touchstone/arn"
)

func ExampleParse() {
	name, err := arn.Parse("arn:aws:iam::111122223333:user/staff/alice")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(name.Service, name.AccountID, name.Resource)

	_, err = arn.Parse("alice")
	fmt.Println(err)
	// Output:
	// iam 111122223333 user/staff/alice
	// arn: not of the form arn:partition:service:region:account:resource
}

func ExampleMatch() {
	const pattern = "arn:aws:iam::*:user/staff/*"
	fmt.Println(arn.Match(pattern, "arn:aws:iam::111122223333:user/staff/alice"))
	fmt.Println(arn.Match(pattern, "arn:aws:iam::111122223333:user/bob"))
	// Output:
	// true
	// false
}
