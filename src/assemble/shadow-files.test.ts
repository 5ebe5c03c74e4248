// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { assembleUsers } from "./phases.ts";
import { dumpTree, makeEntries, memoryContents } from "./testing/make-package.ts";

const line = "worker:x:10001:10001::/nonexistent:/bin/sh";
const worker = { uid: 10001, gid: 10001, home: "/nonexistent", shell: "/bin/sh", gecos: "", groups: [] };

test("assembleUsers locks new accounts in the shadow files of a system that has them, and keeps their modes", () => {
  const contents = memoryContents();
  const tree = makeEntries(
    {
      "etc/passwd": "root:x:0:0:root:/root:/bin/bash\n",
      "etc/group": "root:x:0:\n",
      "etc/shadow": { text: "root:*:3652:0:99999:7:::\n", mode: 0o640, gid: 42 },
      "etc/gshadow": { text: "root:*::", mode: 0o640, gid: 42 },
    },
    contents.putText,
  );
  const after = assembleUsers({ tree, owners: new Map() }, { worker }, contents);
  assert.deepEqual(dumpTree(after.tree, contents).slice(1), [
    String.raw`/etc/group file 0644 0:0 "root:x:0:\nworker:x:10001:\n"`,
    String.raw`/etc/gshadow file 0640 0:42 "root:*::\nworker:!::\n"`,
    String.raw`/etc/passwd file 0644 0:0 "root:x:0:0:root:/root:/bin/bash\n${line}\n"`,
    String.raw`/etc/shadow file 0640 0:42 "root:*:3652:0:99999:7:::\nworker:!:3652:0:99999:7:::\n"`,
  ]);
});

test("assembleUsers makes no shadow files where there are none", () => {
  const contents = memoryContents();
  const tree = makeEntries({ "etc/passwd": "root:*:0:0:root:/root:/bin/sh\n" }, contents.putText);
  const after = assembleUsers({ tree, owners: new Map() }, { worker }, contents);
  assert.equal(
    after.tree.some(({ path }) => path.includes("shadow")),
    false,
  );
  assert.match(dumpTree(after.tree, contents).join("\n"), /worker:\*:10001/);
});
