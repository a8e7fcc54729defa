package policy

import "slices"

// Attachment is what a policy is attached to or used as. It determines the kind of the policy and how large it may be.
type Attachment struct {
	Name    string // as commands and operations name it, such as user
	Kind    Kind
	MaxSize int // in characters, as [Size] counts them; 0 for no limit

	// Version2012 is set where the service accepts version 2012-10-17 only: IAM for managed policies, and Organizations for its
	// own policies.
	Version2012 bool
}

// attachments have the default quotas (IAM User Guide, "IAM and AWS STS quotas"; AWS Organizations User Guide, "Quotas for AWS
// Organizations"). Only the size is limited, not the number of statements, principals, conditions or values. The quotas of inline
// policies are for all of a user, group or role together. Resource-based policies have the limits of the services that keep them.
var attachments = []Attachment{
	{"identity", Identity, 10240, false}, // of any identity, so it has the largest of the next four sizes
	{"user", Identity, 2048, false},
	{"group", Identity, 5120, false},
	{"role", Identity, 10240, false},
	{"managed", Identity, 6144, true},
	{"boundary", Boundary, 6144, true},
	{"resource", Resource, 0, false},
	{"trust", Trust, 2048, false},
	{"session", Session, 2048, false},
	{"scp", ServiceControl, 5120, true},
	{"rcp", ResourceControl, 5120, true},
}

// AttachmentNamed returns the attachment with one of the names identity, user, group, role, managed, boundary, resource, trust,
// session, scp and rcp.
func AttachmentNamed(name string) (Attachment, bool) {
	n := slices.IndexFunc(attachments, func(a Attachment) bool { return a.Name == name })
	if n < 0 {
		return Attachment{}, false
	}
	return attachments[n], true
}

// AttachmentNames returns the names that [AttachmentNamed] knows.
func AttachmentNames() []string {
	names := make([]string, len(attachments))
	for n, a := range attachments {
		names[n] = a.Name
	}
	return names
}
