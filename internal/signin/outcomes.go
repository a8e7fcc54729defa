package signin

import (
	"errors"
	"sync/atomic"

	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/mfa"
	"github.com/touchstone-iam/touchstone/internal/secret"
)

// Step is a step of a sign-in that can fail.
type Step int

// The steps.
const (
	PasswordStep Step = iota
	MFAStep
	steps
)

// String returns the step's name for the metrics.
func (s Step) String() string { return [steps]string{"password", "mfa"}[s] }

// Result is how a step of a sign-in ended.
type Result int

// The results.
const (
	Passed    Result = iota // the step was passed; another one may follow
	Incorrect               // wrong password, or an answer of a device that does not verify
	Throttled               // told to wait, nothing was checked
	Busy                    // too many passwords are being checked
	Expired                 // the session or the request to the device was over
	Failed                  // a fault of the service
	results
)

// String returns the result's name for the metrics.
func (r Result) String() string {
	return [results]string{"passed", "incorrect", "throttled", "busy", "expired", "failed"}[r]
}

// Outcomes counts how the steps of sign-ins ended since the server was started. The zero value is ready for use, by several
// goroutines.
type Outcomes struct{ counts [steps][results]atomic.Uint64 }

// Each calls do with every step, result and count.
func (o *Outcomes) Each(do func(Step, Result, uint64)) {
	for step := range o.counts {
		for result := range o.counts[step] {
			do(Step(step), Result(result), o.counts[step][result].Load())
		}
	}
}

// add counts a step that ended with an error, or passed with nil.
func (o *Outcomes) add(step Step, err error) {
	o.counts[step][resultOf(err)].Add(1)
}

func resultOf(err error) Result {
	_, throttled := errors.AsType[*TooManyAttempts](err)
	_, refusedByKey := errors.AsType[*mfa.Refusal](err)
	switch {
	case err == nil:
		return Passed
	case throttled:
		return Throttled
	case errors.Is(err, secret.ErrBusy):
		return Busy
	case errors.Is(err, authn.ErrNoSession), errors.Is(err, ErrCeremony):
		return Expired
	case errors.Is(err, ErrIncorrect), errors.Is(err, ErrCounter), refusedByKey:
		return Incorrect
	}
	return Failed
}
