package api_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/httpd"
	"github.com/touchstone-iam/touchstone/internal/ids"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/touchstoneapi"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
	"github.com/touchstone-iam/touchstone/sigv4"
	"github.com/touchstone-iam/touchstone/stsapi"
)

// experiment is an account on a server with a table of the test's own, in which operations of the models do what the test says.
type experiment struct {
	*touchtest.Account
	service *api.Service
	front   http.Handler // around the service: it finds the client's address
}

func newExperiment(t *testing.T) *experiment {
	t.Helper()
	s := touchtest.Start(t, touchtest.ReadsAreRecordedAtOnce)
	service := *s.API
	service.Table = newTable()
	front, err := httpd.New(httpd.Config{URL: s.URL}, &service, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return &experiment{s.NewAccount(t), &service, front.Handler()}
}

func newTable() *api.Table {
	table := api.NewTable(iamapi.Operations(), stsapi.Operations())
	table.AddInProcess(touchstoneapi.Operations())
	return table
}

// operations of which the experiment sends requests by name.
var services = map[string]string{"2010-05-08": "iam", "2011-06-15": "sts"}

// send sends a request, signed when there is a key, from an address, and returns the answer's status and text.
func (e *experiment) send(o *awsquery.Operation, key *aws.Credentials, from string, parameters ...string) (int, string) {
	values := url.Values{"Action": {o.Name}, "Version": {o.Version}}
	for pair := range slices.Chunk(parameters, 2) {
		values.Set(pair[0], pair[1])
	}
	body := values.Encode()
	r := httptest.NewRequest(http.MethodPost, e.Server.URL+"/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.RemoteAddr = from
	if key != nil {
		sigv4.Sign(r, []byte(body), sigv4.Credentials{
			AccessKeyID: key.AccessKeyID, SecretAccessKey: key.SecretAccessKey, SessionToken: key.SessionToken,
		}, "us-east-1", services[o.Version], e.Server.Clock.Now())
	}
	w := httptest.NewRecorder()
	e.front.ServeHTTP(w, r)
	text, _ := io.ReadAll(w.Result().Body)
	return w.Code, string(text)
}

const localhost = "127.0.0.1:1000"

// answers sends a signed request and compares the answer's status and the code in it; "" is success.
func (e *experiment) answers(
	t *testing.T, what string, o *awsquery.Operation, key aws.Credentials, status int, code string, parameters ...string,
) {
	t.Helper()
	got, text := e.send(o, &key, localhost, parameters...)
	if got != status || !strings.Contains(text, "<Code>"+code+"</Code>") && code != "" {
		t.Errorf("%s: answered %d %s\nwant %d %s", what, got, text, status, code)
	}
}

// generation is the account's.
func (e *experiment) generation(t *testing.T) (f store.Freshness) {
	t.Helper()
	view(t, e.Server, func(tx *store.Tx) (err error) {
		f, err = tx.Freshness(e.ID)
		return err
	})
	return f
}

// update does something to the account, as another request would.
func (e *experiment) update(t *testing.T, fn func(*store.Tx) error) {
	t.Helper()
	if err := e.Server.State.Store.Update(ctx, store.Raise(e.ID), fn); err != nil {
		t.Fatal(err)
	}
}

// may is a policy that allows an action on everything.
func may(actions ...string) string {
	list, _ := json.Marshal(actions)
	return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":` + string(list) + `,"Resource":"*"}}`
}

// on authorises an operation as the checks say.
func on[In any](checks api.Checks) api.Resolver[In, struct{}] {
	return func(*api.Request, *store.Tx, *In) (api.Subject[struct{}], error) {
		return api.Subject[struct{}]{Checks: checks}, nil
	}
}

// executions are the operations that were executed, by the types of their inputs. A transaction may run again, so nothing is
// counted.
type executions map[string]bool

// executes notes that an operation was executed.
func executes[In, Out any](ran executions) api.Execute[In, Out, struct{}] {
	return func(_ *api.Request, _ *store.Tx, _ struct{}, in *In) (*Out, error) {
		ran[fmt.Sprintf("%T", in)] = true
		return new(Out), nil
	}
}

// panics demands that fn panics with a text.
func panics(t *testing.T, what, text string, fn func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got, _ := recover().(string); !strings.Contains(got, text) {
			t.Errorf("%s: panicked with %q, want %q", what, got, text)
		}
	}()
	fn()
}

// call does an operation in process as somebody signed in.
func call[In, Out any](t *testing.T, e *experiment, c *touchtest.Console, o awsquery.Typed[In, Out], in *In) (*Out, error) {
	t.Helper()
	admitted, err := e.Server.SignIn.Admit(ctx, c.Token)
	if err != nil {
		t.Fatal(err)
	}
	now := e.Server.Clock.Now()
	return api.Call(ctx, e.service, api.Request{
		ID: ids.NewUUID(), Now: now, Caller: admitted.Caller,
		Env: authz.Environment{Now: now, Address: touchtest.Visitor.Address, Region: "us-east-1"},
	}, o, in)
}

func mustJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}
