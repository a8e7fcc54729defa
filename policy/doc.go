// Package policy reads, checks and evaluates AWS policies. It implements the whole JSON policy language of the IAM User Guide.
//
// To decide about a request, read each policy with [Parse], compile those of one type into a [Set] with [Compile], and call
// [Evaluate] with all the sets that apply. The [Decision] says whether the request is allowed and which statement decided:
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
// A [Caller] fills a [Context] with the condition keys that follow from who asks, such as aws:username. [Explain] decides like
// Evaluate and also says of every statement why it applies or does not. [Lint] finds mistakes and dangers in a policy, [Format]
// returns its canonical form, and [ContextKeys] lists the condition keys that policies use.
//
// The package does not look for policies and knows no services. Its caller says which policies apply, which resource an action is
// about, and what is known of the request. Quotas that depend on what else is stored are also left to the caller.
//
// These rules always hold. Nothing is allowed without an Allow, and the zero Decision denies. An unknown operator is an error when
// a document is read, and is never ignored when the document is evaluated. Reading takes time linear in the length of the text, and
// matching at most the length of the pattern times that of the subject. A decision allocates no memory (unless an address in the
// context is malformed), reads no clock and changes nothing, so that sets and documents are safe for concurrent use.
package policy
