// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { parseShebang } from "./shebang.ts";

test("parseShebang follows execve: one interpreter, the rest one argument", () => {
  const cases: [string, [string, string?] | undefined][] = [
    ["#!/bin/sh\necho", ["/bin/sh"]],
    ["#! /usr/bin/perl -w\n", ["/usr/bin/perl", "-w"]],
    ["#!\t/usr/bin/env \t python3 -I  \nx", ["/usr/bin/env", "python3 -I"]],
    ["#!/bin/sh", ["/bin/sh"]],
    ["#!/bin/sh\0\n", ["/bin/sh"]],
    ["#!/bin/sh\r\n", ["/bin/sh\r"]],
    ["#!\n/bin/sh", undefined],
    ["#!   \n", undefined],
    ["#", undefined],
    ["", undefined],
    [" #!/bin/sh\n", undefined],
    [`#!/${"x".repeat(1000)}\n`, [`/${"x".repeat(253)}`]],
    ["#!/b\xe4r\n", ["/b\udce4r"]],
  ];
  for (const [text, want] of cases) {
    const expected =
      want === undefined
        ? undefined
        : { interpreter: want[0], ...(want[1] === undefined ? {} : { argument: want[1] }) };
    assert.deepEqual(parseShebang(Buffer.from(text, "latin1")), expected, JSON.stringify(text.slice(0, 30)));
  }
});
