// Package policy reads, checks and evaluates AWS policies: the JSON policy language of the IAM User Guide, whole.
//
// Parse reads a document and reports all that is wrong with it, each with its place. Compile prepares documents for deciding.
// Evaluate answers whether a principal may perform an action on a resource, given the policies that apply to it:
//
//	document, err := policy.Parse(policy.Identity, text)
//	...
//	set := policy.Compile(policy.Source{ID: "inline:Self", Document: document})
//	ctx := policy.NewContext()
//	ctx.Set("aws:username", "alice")
//	decision := policy.Evaluate(&policy.Policies{Identity: set}, &policy.Request{
//		Principal:         policy.Principal{ARN: "arn:aws:iam::123456789012:user/alice", AccountID: "123456789012"},
//		Action:            "iam:GetUser",
//		Resource:          "arn:aws:iam::123456789012:user/alice",
//		ResourceAccountID: "123456789012",
//		Context:           ctx,
//	})
//	if !decision.Allowed() { ... decision.Reason("iam:GetUser") ... }
//
// The package finds no policies, knows no services and fills in no condition key: its caller says which policies apply, which
// resource an action is about, and what is known of the request. Quotas that depend on what else is stored are the caller's.
//
// Invariants. Nothing is allowed without an Allow; the zero Decision denies. An operator that is not understood is an error when
// the document is read, never ignored when it is evaluated. Reading is linear in the text, matching at most pattern × subject.
// A decision allocates no memory (unless an address in the context is malformed), reads no clock and changes nothing, so sets and
// documents are safe for concurrent use.
package policy
