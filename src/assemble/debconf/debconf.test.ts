// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { isAshlarError } from "../../base/index.ts";
import { makePackage, memoryContents } from "../testing/make-package.ts";
import { parseDebconfDatabase } from "./database.ts";
import { debconfSelections, verifyAnswers } from "./selections.ts";
import { parseTemplates, splitList } from "./template.ts";
import { findUnanswered, verifyAnswered } from "./unanswered.ts";

const templates = `Template: tool/mode
Type: select
Choices: fast, safe\\, slow, none
Default: fast
Description: How to work?
 A long text
 .
  - as is
Description-de.UTF-8: Wie?

Template: tool/realm
Type: string
_Description: Realm:

Template: tool/parts
Type: multiselect
Choices-C: a, b, c
Choices: eins, zwei, drei
Description: Parts

Template: tool/device
Type: select
Choices: \${devices}
Description: Device of \${host}:

Template: tool/enable
Type: boolean
Default: false
Description: Enable?

Template: tool/secret
Type: password
Description: Password:

Template: tool/warning
Type: note
Description: Beware
`;

const contents = memoryContents();
const tool = makePackage("tool", { control: { templates } }, contents);
const shared = makePackage(
  "shared-config",
  { control: { templates: "Template: shared-config/setup\nType: boolean\nDescription: Set up?\n" } },
  contents,
);
const packages = [tool, shared];

test("parseTemplates reads names, types, untranslated choices and defaults, and the question", () => {
  const read = parseTemplates(Buffer.from(templates), "tool");
  assert.deepEqual(read.slice(0, 4), [
    {
      name: "tool/mode",
      type: "select",
      defaultValue: "fast",
      choices: ["fast", "safe, slow", "none"],
      description: "How to work?",
    },
    { name: "tool/realm", type: "string", defaultValue: "", description: "" },
    {
      name: "tool/parts",
      type: "multiselect",
      defaultValue: "",
      choices: ["a", "b", "c"],
      description: "Parts",
    },
    { name: "tool/device", type: "select", defaultValue: "", description: "Device of ${host}:" },
  ]);
  assert.equal(read.length, 7);
});

test("parseTemplates refuses what debconf dies of, with the line", () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ["Type: string\n", /line 1, a stanza without the name/],
    ["Template: a/b\n\nTemplate: c/d\nType: x\nTYPE: y\n", /line 5, the field "type" is there twice/],
    ["Template: a/b\nno field\n", /line 2, "no field" is no field/],
    [" a\n", /line 1/],
    ["Template: a b\n", /line 1/],
  ];
  for (const [text, message] of cases) {
    assert.throws(() => parseTemplates(Buffer.from(text), "x"), {
      code: "DEBIAN_TEMPLATES_INVALID",
      message,
    });
  }
});

test("splitList parts choices at a comma and spaces, and keeps those that are escaped", () => {
  assert.deepEqual(splitList("a, b,  c d, e\\, f, g\\ "), ["a", "b", "c d", "e, f", "g"]);
  assert.deepEqual([splitList(""), splitList(" , "), splitList("a,b")], [[], [" "], ["a,b"]]);
});

test("debconfSelections writes owner, question, type and answer, sorted, for the packages that ask", () => {
  const answers = {
    "tool/realm": "EXAMPLE.COM",
    "tool/mode": "safe, slow",
    "tool/enable": "true",
    "tool/parts": "a, c",
  };
  const want = "tool tool/enable boolean true\ntool tool/mode select safe, slow\n";
  assert.equal(
    debconfSelections(answers, packages, contents),
    `${want}tool tool/parts multiselect a, c\ntool tool/realm string EXAMPLE.COM\n`,
  );
  assert.equal(debconfSelections(answers, [shared], contents), undefined);
  assert.equal(debconfSelections({}, packages, contents), undefined);
});

test("debconfSelections knows a question that a package asks with another's template", () => {
  assert.equal(
    debconfSelections({ "tool/setup": "false" }, packages, contents),
    "tool tool/setup boolean false\n",
  );
  const unknown = { "other/setup": "false" };
  assert.throws(() => verifyAnswers(unknown, packages, contents), { code: "ASSEMBLE_DEBCONF_UNKNOWN" });
});

test("verifyAnswers names near questions for one that nobody asks", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["tool/mdoe", 'did you mean "tool/mode"?'],
    [
      "tool/somethingelse",
      "that package asks tool/device, tool/enable, tool/mode, tool/parts, tool/realm, tool/secret",
    ],
    ["tool", "that package asks tool/device, tool/enable, tool/mode, tool/parts, tool/realm, tool/secret"],
    ["other/x", "a question is named PACKAGE/QUESTION, and its package must be one of the image's"],
  ];
  for (const [name, hint] of cases) {
    const message = `Cannot answer debconf question "${name}": no package of the image asks it`;
    assert.throws(() => verifyAnswers({ [name]: "x" }, packages, contents), {
      code: "ASSEMBLE_DEBCONF_UNKNOWN",
      message,
      hint,
    });
  }
  verifyAnswers(
    { "tool/mode": "none", "tool/device": "/dev/anything", "tool/realm": "" },
    packages,
    contents,
  );
});

test("verifyAnswers refuses answers that a question cannot have, and shows no password", () => {
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ["tool/mode", "quick", /with "quick": "quick" is no choice, want one of "fast", "safe, slow", "none"$/],
    ["tool/parts", "a, x", /"x" is no choice, want some of "a", "b", "c"$/],
    ["tool/enable", "yes", /with "yes": want true or false$/],
    ["tool/realm", "a\nroot x/y boolean true", /want one line/],
    ["tool/realm", "a\\", /without a backslash at its end/],
    ["tool/warning", "x", /it is a note, which has no answer/],
    ["tool/secret", "geheim\n", /^Cannot answer debconf question "tool\/secret": want one line/],
  ];
  for (const [name, answer, message] of cases) {
    assert.throws(() => verifyAnswers({ [name]: answer }, packages, contents), {
      code: "ASSEMBLE_DEBCONF_ANSWER",
      message,
    });
  }
});

const config = `Name: tool/answered
Template: tool/realm
Value: x
Owners: tool
Flags: seen

Name: tool/default
Template: tool/mode
Owners: tool, libtool:amd64
Flags: seen

Name: tool/device
Template: tool/device
Value: 
Owners: tool
Flags: mailname, seen
Variables:
 devices = 
 host = a\\nb

Name: tool/parts
Template: tool/parts
Value: 
Flags: seen

Name: tool/realm
Template: tool/realm
Owners: tool

`;
const database = `Name: tool/device
Description: Device of \${host}\${other}:
Type: select

Name: tool/mode
Default: fast
Type: select

Name: tool/parts
Type: multiselect

Name: tool/realm
Description: Realm:
Extended_description: line\\n\\nline
Type: string

Name: tool/secret
Description: Password:
Type: password

`;
const files = { config: Buffer.from(config), templates: Buffer.from(database) };

test("findUnanswered finds what was asked and has neither value nor default", () => {
  const device = { name: "tool/device", type: "select", description: "Device of a\nb:", owners: ["tool"] };
  assert.deepEqual(findUnanswered(files, {}), [device]);
  assert.deepEqual(findUnanswered(files, { "tool/device": "" }), []);
  const passwords = Buffer.from("Name: tool/secret\nTemplate: tool/secret\nOwners: tool\nFlags: seen\n\n");
  assert.deepEqual(
    findUnanswered({ ...files, passwords }, {}).map(({ name }) => name),
    ["tool/device", "tool/secret"],
  );
});

test("verifyAnswered names the questions and what to write into the spec", () => {
  verifyAnswered([]);
  assert.throws(() => verifyAnswered(findUnanswered(files, {})), {
    code: "ASSEMBLE_DEBCONF_UNANSWERED",
    message: 'Cannot install tool: debconf question "tool/device" has no answer and no default',
    because: ["tool/device (select): Device of a\nb:"],
    hint: 'answer in the spec, "" for nothing: system: { debconf: { "tool/device": "..." } }',
  });
});

test("parseDebconfDatabase keeps owners, flags, variables and line ends, and passes over what has no name", () => {
  const items = parseDebconfDatabase(Buffer.from(`Value: lost\n\n${config}`), "config.dat");
  assert.deepEqual(
    [...items.keys()],
    ["tool/answered", "tool/default", "tool/device", "tool/parts", "tool/realm"],
  );
  const item = items.get("tool/device");
  assert.deepEqual([...(item?.flags ?? [])], ["mailname", "seen"]);
  assert.deepEqual(item?.variables.get("host"), "a\nb");
  assert.deepEqual(items.get("tool/default")?.owners, ["tool", "libtool:amd64"]);
  assert.throws(() => parseDebconfDatabase(Buffer.from("Name: a\nnonsense\n"), "config.dat"), {
    code: "ASSEMBLE_DEBCONF_INVALID",
    message: /config.dat: line 2, "nonsense" is no field/,
  });
});

test("parsers of debconf's files end with a value or our error for any bytes", () => {
  const pieces = fc.constantFrom(
    "Name: a/b",
    "Template: a/b",
    "\n",
    "\n\n",
    " x = y",
    "Variables:",
    ": ",
    "Choices: ",
    "\\, ",
    "${",
    "\0",
    "é",
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(pieces, fc.string()), { maxLength: 40 }), (parts) => {
      const bytes = Buffer.from(parts.join(""));
      for (const parse of [parseDebconfDatabase, parseTemplates]) {
        try {
          parse(bytes, "x");
        } catch (error) {
          if (!isAshlarError(error)) throw error;
        }
      }
    }),
  );
});
