package policy

import "slices"

// Attachment is what a policy is attached to or used as, which says what kind it is and how large it may be.
type Attachment struct {
	Name    string // as commands and operations name it, such as user
	Kind    Kind
	MaxSize int // in characters, as Size counts them; 0 for no limit
}

// attachments have the default quotas (IAM User Guide, "IAM and AWS STS quotas"; AWS Organizations User Guide, "Quotas for AWS
// Organizations"). The quotas of inline policies are for all of a user, group or role together. Resource-based policies have
// the limits of the services that keep them.
var attachments = []Attachment{
	{"identity", Identity, 10240}, // of whatever identity: the largest of the next four
	{"user", Identity, 2048},
	{"group", Identity, 5120},
	{"role", Identity, 10240},
	{"managed", Identity, 6144},
	{"boundary", Boundary, 6144},
	{"resource", Resource, 0},
	{"trust", Trust, 2048},
	{"session", Session, 2048},
	{"scp", ServiceControl, 5120},
	{"rcp", ResourceControl, 5120},
}

// AttachmentNamed returns the attachment of that name: identity, user, group, role, managed, boundary, resource, trust, session,
// scp or rcp.
func AttachmentNamed(name string) (Attachment, bool) {
	n := slices.IndexFunc(attachments, func(a Attachment) bool { return a.Name == name })
	if n < 0 {
		return Attachment{}, false
	}
	return attachments[n], true
}

// AttachmentNames returns the names that AttachmentNamed knows.
func AttachmentNames() []string {
	names := make([]string, len(attachments))
	for n, a := range attachments {
		names[n] = a.Name
	}
	return names
}
