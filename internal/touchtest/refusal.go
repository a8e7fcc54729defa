package touchtest

import (
	"errors"
	"fmt"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/touchstone-iam/touchstone/awsquery"
)

// Told returns what an error tells the caller, over the wire or in process, such as "404 NoSuchEntity: The user …"; "" for no
// error.
func Told(err error) string {
	var (
		response *awshttp.ResponseError
		wire     smithy.APIError
		direct   *awsquery.Error
	)
	switch {
	case err == nil:
		return ""
	case errors.As(err, &direct):
		return fmt.Sprintf("%d %s: %s", direct.Status, direct.Code, direct.Message)
	case errors.As(err, &response) && errors.As(err, &wire):
		return fmt.Sprintf("%d %s: %s", response.HTTPStatusCode(), wire.ErrorCode(), wire.ErrorMessage())
	}
	return err.Error()
}

// CodeOf returns the code in what [Told] returns, such as NoSuchEntity.
func CodeOf(err error) string {
	text := Told(err)
	if _, rest, ok := strings.Cut(text, " "); ok {
		code, _, _ := strings.Cut(rest, ":")
		return code
	}
	return text
}

// NotAllowed returns AWS's words for the caller with the ARN when no policy of theirs allows an action. The resource is written as
// the operation writes it, such as "user alice".
func NotAllowed(caller, action, resource string) string {
	return fmt.Sprintf("403 AccessDenied: User: %s is not authorized to perform: %s on resource: %s "+
		"because no identity-based policy allows the %[2]s action", caller, action, resource)
}

// Forbidden returns AWS's words for the caller when a policy of theirs denies an action.
func Forbidden(caller, action, resource string) string {
	return fmt.Sprintf("403 AccessDenied: User: %s is not authorized to perform: %s on resource: %s "+
		"with an explicit deny in an identity-based policy", caller, action, resource)
}
