// Package iamapi has the operations of AWS Identity and Access Management as Go types: an input and an output each, a
// descriptor that says how they are written and what they may hold (see package awsquery), and a constructor for each error
// code. All of it is generated from internal/model, except the few character rules that no table can decide.
//
// An optional member that is not there is the zero value, or a nil pointer where its absence means something. Names are those
// of the wire.
package iamapi
