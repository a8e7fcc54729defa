package browsertest

import (
	"context"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// securityKey is a virtual one, plugged in to a tab.
type securityKey struct {
	p  *tab
	id webauthn.AuthenticatorID
}

// The kinds of key: CTAP2, CTAP1 (U2F) alone, and one that knows who holds it.
var (
	fido2 = webauthn.VirtualAuthenticatorOptions{
		Protocol:     webauthn.AuthenticatorProtocolCtap2,
		Ctap2version: webauthn.Ctap2versionCtap21, Transport: webauthn.AuthenticatorTransportUsb, AutomaticPresenceSimulation: true,
	}
	u2f = webauthn.VirtualAuthenticatorOptions{
		Protocol:  webauthn.AuthenticatorProtocolU2f,
		Transport: webauthn.AuthenticatorTransportUsb, AutomaticPresenceSimulation: true,
	}
	verified = webauthn.VirtualAuthenticatorOptions{
		Protocol:     webauthn.AuthenticatorProtocolCtap2,
		Ctap2version: webauthn.Ctap2versionCtap21, Transport: webauthn.AuthenticatorTransportUsb, AutomaticPresenceSimulation: true,
		HasUserVerification: true, IsUserVerified: true,
	}
)

// untouched is a key that nobody taps.
func untouched(kind webauthn.VirtualAuthenticatorOptions) webauthn.VirtualAuthenticatorOptions {
	kind.AutomaticPresenceSimulation = false
	return kind
}

// command sends a command of the browser's WebAuthn domain.
func command[P, R any](p *tab, c cdp.Command[P, R], params P) (result R) {
	p.Helper()
	p.do(c.Method, func(ctx context.Context, _ *chromedp.Target) (none chromedp.Void, err error) {
		result, err = chromedp.Call(ctx, c, params)
		return none, err
	})
	return result
}

// plugIn plugs a new key in.
func (p *tab) plugIn(kind webauthn.VirtualAuthenticatorOptions) *securityKey {
	p.Helper()
	command(p, webauthn.Enable, webauthn.EnableParams{})
	made := command(p, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &kind})
	return &securityKey{p, made.AuthenticatorID}
}

// unplug takes the key away for good.
func (k *securityKey) unplug() {
	k.p.Helper()
	command(k.p, webauthn.RemoveVirtualAuthenticator, webauthn.RemoveVirtualAuthenticatorParams{AuthenticatorID: k.id})
}

// tapped says whether the key is tapped when it asks for it.
func (k *securityKey) tapped(is bool) {
	k.p.Helper()
	command(k.p, webauthn.SetAutomaticPresenceSimulation,
		webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: k.id, Enabled: is})
}

// credentials are those that the key keeps.
func (k *securityKey) credentials() []*webauthn.Credential {
	k.p.Helper()
	return command(k.p, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: k.id}).Credentials
}

// addCredential is webauthn.AddCredential with what every browser takes. The generated form names features that a browser refuses
// for keys that do not have them.
var addCredential = cdp.Command[addCredentialParams, cdp.Empty]{Method: webauthn.CommandAddCredential}

type addCredentialParams struct {
	AuthenticatorID webauthn.AuthenticatorID `json:"authenticatorId"`
	Credential      struct {
		CredentialID         []byte  `json:"credentialId"`
		IsResidentCredential bool    `json:"isResidentCredential"`
		RPID                 string  `json:"rpId"`
		PrivateKey           []byte  `json:"privateKey"`
		SignCount            float64 `json:"signCount"`
	} `json:"credential"`
}

// add puts credentials of another key on this one.
func (k *securityKey) add(credentials []*webauthn.Credential) {
	k.p.Helper()
	for _, c := range credentials {
		params := addCredentialParams{AuthenticatorID: k.id}
		to := &params.Credential
		to.CredentialID, to.RPID, to.PrivateKey, to.SignCount = c.CredentialID, c.RpID, c.PrivateKey, c.SignCount
		command(k.p, addCredential, params)
	}
}

// moveTo takes the key out of this tab and plugs it into another.
func (k *securityKey) moveTo(p *tab, kind webauthn.VirtualAuthenticatorOptions) *securityKey {
	k.p.Helper()
	credentials := k.credentials()
	k.unplug()
	moved := p.plugIn(kind)
	moved.add(credentials)
	return moved
}
