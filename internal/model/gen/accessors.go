package main

import (
	"fmt"
	"slices"
)

// accessor is a method of every input that has a member of a name and a type. Operations of one kind, such as those on inline
// policies of users, groups and roles, are written once over such methods.
type accessor struct{ method, member, goType string }

// accessorsOf are the methods of inputs, in the order in which they are written.
var accessorsOf = []accessor{
	{"User", "UserName", "string"},
	{"Group", "GroupName", "string"},
	{"Role", "RoleName", "string"},
	{"Policy", "PolicyName", "string"},
	{"PolicyARN", "PolicyArn", "string"},
	{"BoundaryARN", "PermissionsBoundary", "string"},
	{"Prefix", "PathPrefix", "string"},
	{"Device", "SerialNumber", "string"},
	{"Profile", "InstanceProfileName", "string"},
	{"Document", "PolicyDocument", "string"},
	{"TagList", "Tags", "[]Tag"},
	{"TagNames", "TagKeys", "[]string"},
}

// accessors writes the methods of inputs, and those of inputs and outputs that page by Marker and MaxItems.
func (g *generator) accessors(s *source) error {
	for _, named := range g.service.Operations {
		in, out := named.Name+"Input", named.Name+"Output"
		for _, a := range accessorsOf {
			if err := g.accessor(s, in, a); err != nil {
				return err
			}
		}

		if err := g.principal(s, in); err != nil {
			return err
		}

		if !g.has(in, "Marker") || !g.has(in, "MaxItems") {
			continue
		}
		if !g.has(out, "Marker") || !g.has(out, "IsTruncated") {
			return fmt.Errorf("%s has no Marker and IsTruncated", out)
		}
		if err := g.free(in, "Page"); err != nil {
			return err
		}
		if err := g.free(out, "SetPage"); err != nil {
			return err
		}
		s.p("// Page returns Marker and MaxItems.")
		s.p("func (in *%s) Page() (marker string, size int) { return in.Marker, in.MaxItems }\n", in)
		s.p("// SetPage sets Marker to where the next page begins, and IsTruncated unless that is \"\".")
		s.p("func (out *%s) SetPage(marker string) { out.Marker, out.IsTruncated = marker, marker != \"\" }\n", out)
	}
	return nil
}

// accessor writes a method of an input, if the input has the member in the type.
func (g *generator) accessor(s *source, structure string, a accessor) error {
	at := slices.IndexFunc(g.structures[structure], func(m namedMember) bool { return m.name == a.member })
	if at < 0 || g.goType(g.structures[structure][at]) != a.goType {
		return nil
	}

	// Without an owner, PolicyName is the name of a managed policy, and not of an inline one.
	owned := g.has(structure, "UserName") || g.has(structure, "GroupName") || g.has(structure, "RoleName")
	if a.member == "PolicyName" && !owned {
		return nil
	}

	if err := g.free(structure, a.method); err != nil {
		return err
	}
	s.p("// %s returns %s.", a.method, a.member)
	s.p("func (in *%s) %s() %s { return in.%s }\n", structure, a.method, a.goType, a.member)
	return nil
}

// principal writes the method Principal of an input that names one principal, whatever its kind. An input that names several, such
// as a user and a group, has none.
func (g *generator) principal(s *source, structure string) error {
	var names []string
	for _, name := range []string{"UserName", "GroupName", "RoleName"} {
		if g.has(structure, name) {
			names = append(names, name)
		}
	}
	if len(names) != 1 {
		return nil
	}
	if err := g.free(structure, "Principal"); err != nil {
		return err
	}
	s.p("// Principal returns %s.", names[0])
	s.p("func (in *%s) Principal() string { return in.%s }\n", structure, names[0])
	return nil
}

// has reports whether a structure has a field. The field of a member is named like the member, with a capital.
func (g *generator) has(structure, field string) bool {
	return slices.ContainsFunc(g.structures[structure], func(m namedMember) bool { return exported(m.name) == field })
}

// free returns an error when a structure has a field of the method's name.
func (g *generator) free(structure, method string) error {
	if g.has(structure, method) {
		return fmt.Errorf("%s has a field %s: the method must have another name", structure, method)
	}
	return nil
}
