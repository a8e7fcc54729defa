package touchstoneapi

// ValidDeviceName reports whether a new MFA device may have the name: 1 to 64 letters, digits and any of _+=,.@-
// (BeginMFADeviceRegistration).
func ValidDeviceName(name string) bool { return shapeDeviceNameType.Allows(name) }
