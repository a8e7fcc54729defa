package awsquery

import "net/http"

// Registry finds the operation that a form asks for, among those of several services.
type Registry map[operationKey]*Operation

type operationKey struct{ version, name string }

// NewRegistry returns a registry of the operations of several services, which must differ in their API versions. It panics when two
// operations have the same name and version.
func NewRegistry(services ...[]*Operation) Registry {
	r := make(Registry)
	for _, operations := range services {
		for _, op := range operations {
			k := operationKey{op.Version, op.Name}
			if r[k] != nil {
				panic("awsquery: two operations " + op.Name + " in version " + op.Version)
			}
			r[k] = op
		}
	}
	return r
}

// Find returns the operation that the parameters Action and Version name. The error is an *[Error]: MissingAction or
// InvalidAction.
func (r Registry) Find(form Form) (*Operation, error) {
	name, _ := form.Get("Action")
	if name == "" {
		return nil, &Error{Code: "MissingAction", Status: http.StatusBadRequest, Message: "The request is missing the parameter Action."}
	}
	version, _ := form.Get("Version")
	op := r[operationKey{version, name}]
	if op != nil {
		return op, nil
	}
	if version == "" {
		version = "NO_VERSION_SPECIFIED"
	}
	return nil, &Error{
		Code: "InvalidAction", Status: http.StatusBadRequest,
		Message: "Could not find operation " + name + " for version " + version,
	}
}
