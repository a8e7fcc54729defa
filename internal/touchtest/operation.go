package touchtest

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/internal/softkey"
)

// Target is the user that operations are about. It need not exist.
type Target struct {
	Name, Path  string
	AccessKeyID string
	Serial      string // of a device
	AccountID   string
}

// NewTarget makes bob, on a path and with the tag team=red, who has a key and a device but no password. The account is set up.
func NewTarget(t *testing.T, a *Account) Target {
	t.Helper()
	return a.NewTarget(t, a.SetUpRoot(), "bob")
}

// NewTarget makes a user like [NewTarget]'s.
func (a *Account) NewTarget(t *testing.T, admin *Console, name string) Target {
	t.Helper()
	c := a.IAM(a.Root)
	if _, err := c.CreateUser(context.Background(), &awsiam.CreateUserInput{
		UserName: &name, Path: aws.String("/x/"), Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("red")}},
	}); err != nil {
		t.Fatal(err)
	}
	key, err := c.CreateAccessKey(context.Background(), &awsiam.CreateAccessKeyInput{UserName: &name})
	if err != nil {
		t.Fatal(err)
	}
	return Target{name, "/x/", *key.AccessKey.AccessKeyId, admin.MustEnrol(name, "key", softkey.New()), a.ID}
}

// ARN returns the target's ARN, whether the target exists or not.
func (u Target) ARN() string { return "arn:aws:iam::" + u.AccountID + ":user" + u.Path + u.Name }

// Named returns the target as refusals name it.
func (u Target) Named() string { return "user " + u.Name }

// Operation is a call of one operation, to be made by anybody.
type Operation struct {
	Name     string
	Action   string   // that is authorised
	Resource string   // the ARN, or "*", that it is authorised on
	Named    string   // as a refusal writes the resource; "" for Resource
	Event    string   // that a refusal is recorded as
	Codes    []string // that it may answer with once it is allowed
	Console  func(*Console) error
	Wire     func(*awsiam.Client) error // nil: Touchstone's own, which has no wire form
}

// Of returns a call of the operation with the input, in the console and by AWS's client.
func Of[In, Out any](o awsquery.Typed[In, Out], resource, named string, in In) Operation {
	return Operation{
		Name: o.Name, Action: o.Action, Resource: resource, Named: named, Event: o.Name, Codes: o.Errors,
		Console: func(c *Console) error {
			_, err := Call(c, o, &in)
			return err
		},
		Wire: func(c *awsiam.Client) error { return callSDK(c, o.Name, reflect.ValueOf(in)) },
	}
}

// Own returns a call of an operation of Touchstone's own, which is authorised by an action, recorded as an event, and may answer
// with the codes.
func Own[In, Out any](o awsquery.Typed[In, Out], action, resource, named, event string, in In, codes ...string) Operation {
	return Operation{
		Name: o.Name, Action: action, Resource: resource, Named: named, Event: event, Codes: codes,
		Console: func(c *Console) error {
			_, err := Call(c, o, &in)
			return err
		},
	}
}

// NotAllowed returns the refusal that the caller with the ARN reads when no policy allows the operation.
func (o *Operation) NotAllowed(caller string) string { return o.Refused(caller, NotAllowed) }

// Forbidden returns the refusal that the caller reads when a policy denies the operation.
func (o *Operation) Forbidden(caller string) string { return o.Refused(caller, Forbidden) }

// Refused returns the operation's refusal in one of the two usual forms, [NotAllowed] or [Forbidden].
func (o *Operation) Refused(caller string, usual func(caller, action, resource string) string) string {
	if o.Name == "GetAccessKeyLastUsed" { // AWS words this refusal differently, without a reason
		return "403 AccessDenied: User: " + caller + " is not authorized to perform iam:GetAccessKeyLastUsed on resource: " + o.Named
	}
	return usual(caller, o.Action, cmp.Or(o.Named, o.Resource))
}

// callSDK calls the client's method of that name with the input.
func callSDK(c *awsiam.Client, name string, input reflect.Value) error {
	method := reflect.ValueOf(c).MethodByName(name)
	in := reflect.New(method.Type().In(1).Elem())
	if err := copySDK(in.Elem(), input); err != nil {
		panic(fmt.Sprintf("the test cannot give AWS's client the input of %s: %v", name, err))
	}
	err, _ := method.Call([]reflect.Value{reflect.ValueOf(context.Background()), in})[1].Interface().(error)
	return err
}

// copySDK copies a value of our types to one of AWS's, whose fields have the same names. A zero value is not copied. It returns an
// error for what it cannot copy, so that no test believes that an input was sent when it was not.
func copySDK(to, from reflect.Value) error {
	if from.IsZero() {
		return nil
	}
	if to.Kind() == reflect.Pointer {
		to.Set(reflect.New(to.Type().Elem()))
		return copySDK(to.Elem(), reflect.Indirect(from))
	}

	from = reflect.Indirect(from)
	switch {
	case from.Type().AssignableTo(to.Type()):
		to.Set(from)
	case from.Kind() == reflect.Struct && to.Kind() == reflect.Struct:
		for n := range from.NumField() {
			field := to.FieldByName(from.Type().Field(n).Name)
			if !field.IsValid() {
				return fmt.Errorf("it has no field %s", from.Type().Field(n).Name)
			}
			if err := copySDK(field, from.Field(n)); err != nil {
				return fmt.Errorf("%s: %w", from.Type().Field(n).Name, err)
			}
		}
	case from.Kind() == reflect.Slice && to.Kind() == reflect.Slice:
		to.Set(reflect.MakeSlice(to.Type(), from.Len(), from.Len()))
		for n := range from.Len() {
			if err := copySDK(to.Index(n), from.Index(n)); err != nil {
				return err
			}
		}
	case from.Kind() == reflect.Map && to.Kind() == reflect.Map:
		to.Set(reflect.MakeMapWithSize(to.Type(), from.Len()))
		for _, key := range from.MapKeys() {
			k, v := reflect.New(to.Type().Key()).Elem(), reflect.New(to.Type().Elem()).Elem()
			if err := cmp.Or(copySDK(k, key), copySDK(v, from.MapIndex(key))); err != nil {
				return err
			}
			to.SetMapIndex(k, v)
		}
	case from.CanInt() && to.CanInt(), from.Kind() == to.Kind() && (from.Kind() == reflect.String || from.Kind() == reflect.Bool):
		to.Set(from.Convert(to.Type()))
	default:
		return fmt.Errorf("a %s is no %s", from.Type(), to.Type())
	}
	return nil
}
