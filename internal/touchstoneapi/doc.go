// Package touchstoneapi has the operations that Touchstone has beside AWS's, as Go types, generated as package iamapi is. They
// are called in process; their answers have no XML form that anybody is promised.
package touchstoneapi
