// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { AshlarError } from "../base/index.ts";
import { renderError } from "./render-error.ts";
import { terminalText } from "./terminal-text.ts";

test("terminalText shows control characters instead of sending them", () => {
  assert.equal(terminalText("a\u001b[31m\tb\nc\u009b\u007f\r"), "a\\x1b[31m\tb\nc\\x9b\\x7f\\x0d");
});

test("renderError sends nothing to the terminal that a script or a file name said", () => {
  const escape = "\u001b]0;title\u0007";
  const error = new AshlarError("X_Y", `Cannot use "${escape}"`, { because: [escape], hint: escape });
  assert.doesNotMatch(renderError(error, { colour: false, debug: false }), /[\u001b\u0007]/);
});
