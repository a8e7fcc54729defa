// Package audit writes the audit trail: an event in CloudTrail's form for every change, denial, failure and sign-in, and, unless
// --audit-reads is off, for every read.
//
// Invariants. A change's event is written in the change's own transaction, with [Write]. Denials, failures and sign-ins are durable
// before they are answered; [Log.Now] commits those that arrive together at once. Reads are queued and committed within a tenth of
// a second; the queue is bounded, and when it is full the request waits, so no event is dropped. No secret is ever in an event.
//
// The package does not decide what is recorded; the pipeline and the sign-in do.
package audit

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/touchstone-iam/touchstone/internal/ids"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// Event sources. SourceSignIn is CloudTrail's name; SourceTouchstone stands in events that AWS has no counterpart of.
const (
	SourceSignIn     = "signin.amazonaws.com"
	SourceTouchstone = "touchstone"
)

// Event types of CloudTrail.
const (
	TypeAPICall       = "AwsApiCall"
	TypeConsoleSignIn = "AwsConsoleSignIn"
	TypeServiceEvent  = "AwsServiceEvent"
)

// Record is an event in CloudTrail's form (CloudTrail User Guide, "CloudTrail record contents").
type Record struct {
	EventVersion                 string       `json:"eventVersion"`
	UserIdentity                 UserIdentity `json:"userIdentity"`
	EventTime                    string       `json:"eventTime"`
	EventSource                  string       `json:"eventSource"`
	EventName                    string       `json:"eventName"`
	AWSRegion                    string       `json:"awsRegion"`
	SourceIPAddress              string       `json:"sourceIPAddress"`
	UserAgent                    string       `json:"userAgent"`
	ErrorCode                    string       `json:"errorCode,omitempty"`
	ErrorMessage                 string       `json:"errorMessage,omitempty"`
	RequestParameters            any          `json:"requestParameters"`
	ResponseElements             any          `json:"responseElements"`
	AdditionalEventData          any          `json:"additionalEventData,omitempty"`
	RequestID                    string       `json:"requestID,omitempty"`
	EventID                      string       `json:"eventID"`
	ReadOnly                     bool         `json:"readOnly"`
	EventType                    string       `json:"eventType"`
	ManagementEvent              bool         `json:"managementEvent"`
	RecipientAccountID           string       `json:"recipientAccountId"`
	EventCategory                string       `json:"eventCategory"`
	SessionCredentialFromConsole string       `json:"sessionCredentialFromConsole,omitempty"`
	TLSDetails                   *TLSDetails  `json:"tlsDetails,omitempty"`

	// Time is EventTime before it is rounded to the second. Stored events are ordered by it.
	Time time.Time `json:"-"`
}

// TLSDetails describes the connection of the request.
type TLSDetails struct {
	ClientProvidedHostHeader string `json:"clientProvidedHostHeader"`
}

// UserIdentity says who did it (CloudTrail User Guide, "CloudTrail userIdentity element").
type UserIdentity struct {
	Type           string          `json:"type"`
	PrincipalID    string          `json:"principalId,omitempty"`
	ARN            string          `json:"arn,omitempty"`
	AccountID      string          `json:"accountId,omitempty"`
	AccessKeyID    *string         `json:"accessKeyId,omitempty"`
	UserName       string          `json:"userName,omitempty"`
	SessionContext *SessionContext `json:"sessionContext,omitempty"`
	InvokedBy      string          `json:"invokedBy,omitempty"`
}

// SessionContext describes the session that made the request.
type SessionContext struct {
	Attributes SessionAttributes `json:"attributes"`
}

// SessionAttributes are a session's attributes. MFAAuthenticated is the text "true" or "false", as in CloudTrail.
type SessionAttributes struct {
	CreationDate     string `json:"creationDate"`
	MFAAuthenticated string `json:"mfaAuthenticated"`
}

// HiddenUserName stands in the event of a failed sign-in for a name that no user has. What was typed there may be a password in the
// wrong field, so it is not recorded.
const HiddenUserName = "HIDDEN_DUE_TO_SECURITY_REASONS"

// maxText is the length, in bytes, to which free text in an event is cut (CloudTrail: userAgent and errorMessage ≤ 1 KB).
const maxText = 1024

// maxParameters is the size, in bytes, up to which request parameters and response elements are recorded (CloudTrail: 100 KB).
const maxParameters = 100 << 10

// IdentityOf describes a principal as the one who acts.
func IdentityOf(i *store.Principal) UserIdentity {
	u := UserIdentity{Type: "IAMUser", PrincipalID: i.UniqueID, ARN: i.ARN(), AccountID: i.AccountID, UserName: i.Name}
	if i.Kind == store.Root {
		u.Type = "Root"
	}
	return u
}

// event fills in the members that all records share and renders the record for the store.
func (r *Record) event() (*store.Event, error) {
	r.EventVersion = "1.08"
	r.EventTime = r.Time.UTC().Format(time.RFC3339)
	r.EventID = ids.NewUUID()
	r.ManagementEvent = true
	r.EventCategory = "Management"
	if r.AWSRegion == "" {
		r.AWSRegion = "us-east-1"
	}

	r.UserAgent = Cut(r.UserAgent, maxText)
	r.ErrorMessage = Cut(r.ErrorMessage, maxText)
	text, err := json.Marshal(r)
	if err == nil && len(text) > maxParameters {
		text, err = r.shortened()
	}
	if err != nil {
		return nil, fmt.Errorf("encode event %s: %w", r.EventName, err)
	}

	return &store.Event{
		AccountID: r.RecipientAccountID, ID: r.EventID, Time: r.Time, Name: r.EventName, Source: r.EventSource,
		UserName: Cut(r.UserIdentity.UserName, maxText), ReadOnly: r.ReadOnly, ErrorCode: r.ErrorCode, Record: string(text),
	}, nil
}

// Cut shortens text from outside to at most size bytes, without leaving a part of a character at the end. Bytes that are not UTF-8
// become question marks, and NUL goes, because not every database takes them as text.
func Cut(text string, size int) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "?"), "\x00", "")
	if len(text) <= size {
		return text
	}
	for size > 0 && !utf8.RuneStart(text[size]) {
		size--
	}
	return text[:size]
}

// shortened renders the record with a note in place of each part that is too large to keep.
func (r *Record) shortened() ([]byte, error) {
	short := *r
	for _, part := range []*any{&short.RequestParameters, &short.ResponseElements} {
		text, err := json.Marshal(*part)
		if err != nil {
			return nil, err
		}
		if len(text) > maxParameters {
			*part = map[string]string{"omitted": fmt.Sprintf("%d bytes, over the limit of %d", len(text), maxParameters)}
		}
	}
	return json.Marshal(&short)
}
