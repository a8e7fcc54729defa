// Package stsapi has the operations of the AWS Security Token Service as Go types, generated as package iamapi is.
package stsapi
