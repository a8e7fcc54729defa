package iamapi

// The functions in this file check names by the rules of the model, for those who need an answer before they call an operation.

// ValidUserName reports whether a new user may have the name: 1 to 64 letters, digits and any of _+=,.@- (CreateUser).
func ValidUserName(name string) bool { return shapeUserNameType.Allows(name) }

// ValidGroupName reports whether a group may have the name: 1 to 128 letters, digits and any of _+=,.@- (CreateGroup).
func ValidGroupName(name string) bool { return shapeGroupNameType.Allows(name) }

// ValidRoleName reports whether a role may have the name: 1 to 64 letters, digits and any of _+=,.@- (CreateRole).
func ValidRoleName(name string) bool { return shapeRoleNameType.Allows(name) }

// ValidPolicyName reports whether a policy may have the name: 1 to 128 letters, digits and any of _+=,.@- (PutUserPolicy).
func ValidPolicyName(name string) bool { return shapePolicyNameType.Allows(name) }

// ValidAccountID reports whether id has the form of an account id: twelve digits.
func ValidAccountID(id string) bool { return shapeAccountIdType.Allows(id) }

// ValidAccountAlias reports whether an account may have the alias: 3 to 63 lower-case letters, digits and single hyphens, with no
// hyphen at either end (CreateAccountAlias). IAM also refuses an alias of twelve digits, which the model does not say and this
// function does not check.
func ValidAccountAlias(alias string) bool { return shapeAccountAliasType.Allows(alias) }

// ValidAccessKeyID reports whether id has the form of an access key id: 16 to 128 letters, digits and underscores.
func ValidAccessKeyID(id string) bool { return shapeAccessKeyIdType.Allows(id) }
