// The ceremonies with a security key (WebAuthn §5.1.3 and §5.1.4). A form carries the options as JSON in data-options and says
// in data-ceremony whether a credential is created or got; the key's answer goes back in the form's field "response".

const texts = {
  NotAllowedError: "The operation was cancelled or timed out. Make sure your security key is plugged in, then try again.",
  InvalidStateError: "This security key is already registered to this user. Use a different security key.",
  SecurityError: "Security keys work only on the address this service is configured for.",
  NotSupportedError: "This device does not support a signature algorithm that this service accepts.",
};
const unsupported = "This browser cannot use security keys. Use a current version of Chrome, Edge, Firefox or Safari.";

const insecure = "Browsers use security keys only over https, or on localhost.";

const form = document.querySelector("form[data-ceremony]");
const alert = form.querySelector("[data-problem]");
const button = form.querySelector("button[type=submit]");
let pending = null;

// The browsers' own conversion is used where there is one; the rest is what it does (WebAuthn §5.1.8 to §5.1.10).
const decode = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const encode = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

function parse(options, creating) {
  const native = creating ? "parseCreationOptionsFromJSON" : "parseRequestOptionsFromJSON";
  if (PublicKeyCredential[native]) return PublicKeyCredential[native](options);
  const descriptor = (d) => ({ ...d, id: decode(d.id) });
  const parsed = { ...options, challenge: decode(options.challenge) };
  if (options.user) parsed.user = { ...options.user, id: decode(options.user.id) };
  if (options.excludeCredentials) parsed.excludeCredentials = options.excludeCredentials.map(descriptor);
  if (options.allowCredentials) parsed.allowCredentials = options.allowCredentials.map(descriptor);
  return parsed;
}

function serialize(credential) {
  if (credential.toJSON) return credential.toJSON();
  const r = credential.response;
  const response = { clientDataJSON: encode(r.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (r[name]) response[name] = encode(r[name]);
  }
  if (r.getTransports) response.transports = r.getTransports();
  return {
    id: credential.id, rawId: encode(credential.rawId), type: credential.type, response,
    authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
    clientExtensionResults: credential.getClientExtensionResults(),
  };
}

function waiting(on) {
  form.toggleAttribute("data-waiting", on);
  for (const part of form.querySelectorAll("[data-while-waiting]")) part.hidden = !on;
}

function report(name, text) {
  alert.dataset.error = name;
  alert.querySelector("[data-problem-text]").textContent = text;
  alert.hidden = false;
  alert.focus();
  button.querySelector("[data-text]").textContent = "Try again";
  for (const link of document.querySelectorAll("[data-after-problem]")) link.hidden = false;
}

async function run() {
  pending?.abort();
  const controller = (pending = new AbortController());
  alert.hidden = true;
  for (const other of document.querySelectorAll("[data-server-problem]")) other.hidden = true;
  if (!window.PublicKeyCredential) return report("NotSupportedError", isSecureContext ? unsupported : insecure);
  waiting(true);
  try {
    const creating = form.dataset.ceremony === "create";
    const publicKey = parse(JSON.parse(form.dataset.options), creating);
    const request = { publicKey, signal: controller.signal };
    const credential = await (creating ? navigator.credentials.create(request) : navigator.credentials.get(request));
    if (pending !== controller) return;
    form.elements.response.value = JSON.stringify(serialize(credential));
    form.submit();
  } catch (error) {
    if (pending !== controller || error.name === "AbortError") return;
    waiting(false);
    report(error.name, texts[error.name] ?? texts.NotAllowedError);
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  run();
});
addEventListener("pagehide", () => pending?.abort());
// A page from the back-forward cache has had its challenge used: it needs a new one.
addEventListener("pageshow", (event) => event.persisted && location.reload());
button.hidden = false;
if (button.autofocus && document.activeElement === document.body) button.focus(); // which the browser does not when it was hidden
document.documentElement.dataset.ready = "";
if (form.hasAttribute("data-at-once")) run();
