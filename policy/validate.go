package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/touchstone-iam/touchstone/arn"
)

// Violation is one thing that is wrong with a document.
type Violation struct {
	Position        // of what is wrong
	Path     string // to the element, such as "Statement[0].Action[2]"; empty for the document
	Message  string // as in AWS's MalformedPolicyDocument error
	Hint     string // what is wrong, when Message does not say it
	check    check
}

// Violations is the error of [Parse]. It is never empty. The violations stand in the order in which AWS checks, so that the first
// is the one that AWS would report. Violations of the same check stand in the order of the text.
type Violations []Violation

// Error returns all violations, one on each line.
func (v Violations) Error() string {
	var b strings.Builder
	for n, violation := range v {
		if n > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%d:%d: %v", violation.Line, violation.Column, violation)
	}
	return b.String()
}

// String returns a violation without its position.
func (v Violation) String() string {
	text := v.Message
	if v.Path != "" {
		text = v.Path + ": " + text
	}
	if v.Hint != "" {
		text += " (" + v.Hint + ")"
	}
	return text
}

// check is a rule that AWS checks. The rules are numbered in the order in which AWS checks them.
type check uint8

const (
	checkSyntax check = iota
	checkLegacy
	checkSIDUnique
	checkSIDCharacters
	checkHasAction
	checkResourceForm
	checkResourcePartition
	checkResourceService
	checkResourceRegion
	checkResourceType
	checkActionService
	checkActionColons
	checkActionVendor
	checkHasResource
	checkNoPrincipal
	checkNoField
	checkHasPrincipal
	checkTrustAction
	checkPrincipal
)

const (
	messageSyntax       = "Syntax errors in policy."
	messageTrustJSON    = "This policy contains invalid Json"
	messageVersion      = "Policy document must be version 2012-10-17 or greater."
	messageLegacy       = "The policy failed legacy parsing"
	messageSIDUnique    = "Statement IDs (SID) in a single policy must be unique."
	messageSID          = "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"
	messageNoAction     = "Policy statement must contain actions."
	messageVendorRegex  = "Resource vendor must be fully qualified and cannot contain regexes."
	messageResourceType = `IAM resource path must either be "*" or start with user/, federated-user/, role/, group/, instance-profile/, ` +
		`mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, access-report/.`
	messageActionVendor = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
	messageActionColons = "Actions/Condition can contain only one colon."
	messageNoResource   = "Policy statement must contain resources."
	messagePrincipal    = "Policy document should not specify a principal."
	messageNeedsTrustee = "Missing required field Principal"
	messageTrustAction  = "AssumeRole policy may only specify STS AssumeRole actions."
)

// Limits of what Parse accepts, beyond those of the text. They keep decisions cheap. Documents within AWS's quotas stay far below
// them.
const (
	maxStatements = 4096
	maxSpecials   = 128 // wildcards and variables in one value
	maxViolations = 100 // reported
)

// printable returns a name or a value as a message repeats it. It cuts a long text, and replaces characters that a terminal would
// not print but obey.
func printable(text string) string {
	const most = 256
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return utf8.RuneError
	}, text)
}

// checkAction checks a value of Action or NotAction.
func (p *parser) checkAction(v *jsonValue) {
	service, name, found := strings.Cut(v.text, ":")
	switch {
	case v.text == "*":
	case !found:
		p.report(checkActionService, v.start, messageActionVendor, "")
	case strings.Contains(name, ":"):
		p.report(checkActionColons, v.start, messageActionColons, "")
	case service != "*" && !isName(service, "-."):
		p.report(checkActionVendor, v.start, "Vendor "+printable(service)+" is not valid", "")
	}

	if p.document.Kind == Trust && !isTrustAction(service, name) {
		p.report(checkTrustAction, v.start, messageTrustAction, "")
	}
}

// isName reports whether s consists of ASCII letters, digits and the characters in others, and is not empty.
func isName(s, others string) bool {
	for n := range len(s) {
		c := s[n]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && strings.IndexByte(others, c) < 0 {
			return false
		}
	}
	return s != ""
}

// isTrustAction reports whether a role's trust policy may contain an action, or a pattern that fits such an action.
func isTrustAction(service, name string) bool {
	if !strings.EqualFold(service, "sts") {
		return false
	}
	pattern := compileGlob(name, globSyntax{wildcards: true, fold: true})
	return slices.ContainsFunc([]string{
		"AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "TagSession", "SetSourceIdentity", "SetContext",
	}, func(action string) bool { return pattern.match(action, nil) })
}

var partitions = []string{"aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"}

// iamResources are the texts that resources of IAM begin with, as messageResourceType lists them.
var iamResources = []string{
	"user/", "federated-user/", "role/", "group/", "instance-profile/", "mfa/", "server-certificate/", "policy/", "sms-mfa/",
	"saml-provider/", "oidc-provider/", "report/", "access-report/",
}

// checkResource checks a value of Resource or NotResource.
func (p *parser) checkResource(v *jsonValue) {
	text := v.text
	if text == "*" {
		return
	}

	parts := strings.SplitN(text, ":", 6)
	switch {
	case parts[0] != "arn" || len(parts) < 2:
		p.report(checkResourceForm, v.start, fmt.Sprintf(`Resource %s must be in ARN format or "*".`, printable(text)), "")
	case !strings.ContainsAny(parts[1], "*?") && !slices.Contains(partitions, parts[1]):
		p.report(checkResourcePartition, v.start,
			fmt.Sprintf(`Partition "%s" is not valid for resource "%s".`, printable(parts[1]), printable(text)), "")
	case len(parts) < 3 || parts[2] == "" || strings.ContainsAny(parts[2], "*?"):
		p.report(checkResourceService, v.start, messageVendorRegex, "")
	case len(parts) < 6 && strings.Contains(text, "::"):
		// AWS stores a pattern with too few colons when none of its fields is empty; it matches nothing.
		p.report(checkLegacy, v.start, messageLegacy, "an ARN has five colons")
	case len(parts) < 6:
	case parts[2] == "iam" && parts[3] != "":
		p.report(checkResourceRegion, v.start, fmt.Sprintf("IAM resource %s cannot contain region information.", printable(text)), "")
	case parts[2] == "iam" && parts[5] != "*" && parts[5] != "root" && // root is the resource of sts:AssumeRoot
		!slices.ContainsFunc(iamResources, func(prefix string) bool { return strings.HasPrefix(parts[5], prefix) }):
		p.report(checkResourceType, v.start, messageResourceType, "")
	}
}

// checkPrincipal checks the form of one principal. It cannot check whether the principal exists.
func (p *parser) checkPrincipal(kind string, v *jsonValue) {
	valid := v.text != "" && (v.text == "*" || !strings.ContainsAny(v.text, "*?"))
	if kind == "AWS" {
		valid = valid && isAWSPrincipal(v.text)
	}
	if !valid {
		p.report(checkPrincipal, v.start,
			fmt.Sprintf(`Invalid principal in policy: "%s":"%s"`, printable(strings.ToUpper(kind)), printable(v.text)), "")
	}
}

// isAWSPrincipal reports whether a text can be the value of an AWS principal: "*", an account, the unique id of a user or role, or
// the ARN of a user, a role or a session. A group cannot be a principal.
func isAWSPrincipal(text string) bool {
	if id, ok := accountOf(text); ok {
		return arn.IsAccountID(id)
	}
	if text == "*" || len(text) >= 16 && isName(text, "") && text[0] == 'A' && strings.ToUpper(text) == text {
		return true
	}

	name, err := arn.Parse(text)
	kind, rest, _ := strings.Cut(name.Resource, "/")
	if err != nil || name.Region != "" || rest == "" || strings.HasSuffix(rest, "/") {
		return false
	}
	switch name.Service + ":" + kind {
	case "iam:user":
		// CloudFront's origin access identities are users with this in place of an account.
		return arn.IsAccountID(name.AccountID) || name.AccountID == "cloudfront"
	case "iam:role", "sts:assumed-role", "sts:federated-user":
		return arn.IsAccountID(name.AccountID)
	}
	return false
}

// checkSIDs reports every statement that has the same Sid as an earlier one.
func (p *parser) checkSIDs(offsets []int) {
	seen := make(map[string]bool)
	for n := range p.document.Statements {
		if id := p.document.Statements[n].SID; id != "" {
			if seen[id] {
				p.report(checkSIDUnique, offsets[n], messageSIDUnique, "Sid "+printable(id))
			}
			seen[id] = true
		}
	}
}

// sortViolations returns the violations with their positions, in the order that [Violations] has.
func sortViolations(text []byte, found []Violation, offsets []int) Violations {
	// The locator goes through the text once, so it needs the violations in the order of the text first.
	l := locator{text: text, at: Position{1, 1}}
	order := make([]int, len(found))
	for n := range order {
		order[n] = n
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(offsets[a], offsets[b]) })
	sorted := make(Violations, len(found))
	for n, index := range order {
		sorted[n] = found[index]
		sorted[n].Position = l.locate(offsets[index])
	}

	slices.SortStableFunc(sorted, func(a, b Violation) int { return cmp.Compare(a.check, b.check) })
	return sorted
}

// locator turns offsets into positions in one pass over the text. The offsets must not decrease.
type locator struct {
	text   []byte
	offset int
	at     Position
}

func (l *locator) locate(offset int) Position {
	for l.offset < offset {
		r, size := utf8.DecodeRune(l.text[l.offset:])
		l.offset += size
		if l.at.Column++; r == '\n' {
			l.at = Position{l.at.Line + 1, 1}
		}
	}
	return l.at
}
