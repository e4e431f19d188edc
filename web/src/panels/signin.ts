// Asks for the access token of a server that wants one. The form is sent nowhere: main.ts reads it.
import { h } from "../dom";
import type { State } from "../state";

export function signIn(state: State): HTMLElement {
  return h("form", { class: "signin panel", id: "signin", "data-key": "signin" },
    h("h1", null, "This server asks for a token"),
    h("p", null, "It was printed once, when the server was first bound to an address other than loopback."),
    h("label", { for: "token" }, "Access token"),
    h("input", { id: "token", type: "password", autocomplete: "off", spellcheck: "false", required: true }),
    state.trouble === "" ? null : h("p", { class: "problem", role: "alert" }, state.trouble),
    h("button", { type: "submit" }, "Show the project"));
}
