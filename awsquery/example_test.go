package awsquery_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
)

// A request's form becomes the input of the operation that it names.
func ExampleDecode() {
	const body = "Action=CreateUser&Version=2010-05-08&UserName=bob&Tags.member.1.Key=team&Tags.member.1.Value=blue"
	form, err := awsquery.ParseForm(&http.Request{Method: http.MethodPost, URL: &url.URL{Path: "/"}}, []byte(body))
	if err != nil {
		fmt.Println(err)
		return
	}

	op, err := awsquery.NewRegistry(iamapi.Operations()).Find(form)
	if err != nil {
		fmt.Println(err)
		return
	}

	in := op.NewInput()
	if err := awsquery.Decode(form, op, in); err != nil {
		fmt.Println(err)
		return
	}

	user := in.(*iamapi.CreateUserInput)
	fmt.Println(op.Name, user.UserName, user.Tags)
	// Output: CreateUser bob [{team blue}]
}

// inLines puts each element of an answer on a line of its own, so that the examples can be read. The answer itself is one line.
func inLines(xml string) string { return strings.ReplaceAll(xml, "><", ">\n<") }

// An output becomes the XML of an answer. A policy document is percent-encoded in it.
func ExampleEncodeResponse() {
	var answer bytes.Buffer
	out := &iamapi.GetUserPolicyOutput{UserName: "bob", PolicyName: "none", PolicyDocument: `{"Statement": []}`}
	if err := awsquery.EncodeResponse(&answer, iamapi.GetUserPolicy.Operation, out, "7a62c49f"); err != nil {
		fmt.Println(err)
		return
	}

	fmt.Println(inLines(answer.String()))
	// Output:
	// <GetUserPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">
	// <GetUserPolicyResult>
	// <UserName>bob</UserName>
	// <PolicyName>none</PolicyName>
	// <PolicyDocument>%7B%22Statement%22%3A%20%5B%5D%7D</PolicyDocument>
	// </GetUserPolicyResult>
	// <ResponseMetadata>
	// <RequestId>7a62c49f</RequestId>
	// </ResponseMetadata>
	// </GetUserPolicyResponse>
}

func ExampleEncodeError() {
	var answer bytes.Buffer
	awsquery.EncodeError(&answer, iamapi.Namespace, iamapi.NoSuchEntity("The user with name %s cannot be found.", "bob"), "7a62c49f")
	fmt.Println(inLines(answer.String()))
	// Output:
	// <ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">
	// <Error>
	// <Type>Sender</Type>
	// <Code>NoSuchEntity</Code>
	// <Message>The user with name bob cannot be found.</Message>
	// </Error>
	// <RequestId>7a62c49f</RequestId>
	// </ErrorResponse>
}

func ExampleValidate() {
	fmt.Println(awsquery.Validate(iamapi.GetGroup.Operation, &iamapi.GetGroupInput{}))
	// Output: ValidationError: 1 validation error detected: Value at 'groupName' failed to satisfy constraint: Member must not be null
}
