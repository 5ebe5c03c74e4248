// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";

import { digestOf } from "../../base/index.ts";
import { makeTree } from "../../formats/index.ts";
import { parseGroup, parsePasswd } from "../account-files.ts";
import { caBundle, parsePem } from "../ca-bundle.ts";
import { inspectContent } from "../content-facts.ts";
import { parseDebconfDatabase } from "../debconf/database.ts";
import { parseTemplates } from "../debconf/template.ts";
import { parseLdSoConf } from "../ld-so-conf.ts";
import { applyMode } from "../mode.ts";
import { certificates } from "./certificates.ts";
import { makeEntries } from "./make-package.ts";
import { sortStanzas } from "../rules/extended-states.ts";
import { withoutDates } from "../rules/java-keystore.ts";
import { timeOffset } from "../rules/python-bytecode.ts";
import { subjectHash } from "../x509-name.ts";

const passwd =
  "root:*:0:0:root:/root:/bin/bash\ndaemon:*:1:1:daemon:/usr/sbin:/usr/sbin/nologin\nweb:x:10001:10001::/:/bin/sh\n";
const group = "root:*:0:\nusers:*:100:a,b,c\nnogroup:*:65534:\n";
const pems = (): Uint8Array[] => certificates.map(({ pem }) => Buffer.from(pem));
const ders = (): Uint8Array[] => certificates.flatMap(({ pem }) => parsePem(pem));

/** For `test/long/fuzz.ts`: what packages hand us as text or bytes while a tree is assembled. */
export const fuzzTargets: readonly {
  readonly name: string;
  readonly seeds: () => Uint8Array[];
  readonly run: (bytes: Uint8Array) => void;
}[] = [
  {
    name: "assemble passwd",
    seeds: () => [Buffer.from(passwd)],
    run: (bytes) => void parsePasswd(bytes, "passwd.master"),
  },
  { name: "assemble group", seeds: () => [Buffer.from(group)], run: (bytes) => void parseGroup(bytes, "group.master") },
  { name: "assemble certificate", seeds: ders, run: (bytes) => void subjectHash(bytes) },
  { name: "assemble certificate file", seeds: pems, run: runBundle },
  {
    name: "assemble ld.so.conf",
    seeds: () => [
      Buffer.from("include /etc/ld.so.conf.d/*.conf\n/usr/local/lib # own\n/a:/b, /c=libc6\nhwcap 0 nosegneg\n"),
    ],
    run: (bytes) => void parseLdSoConf(Buffer.from(bytes).toString("utf8")),
  },
  {
    name: "assemble mode",
    seeds: () => ["0644", "a=rX,u+w", "ug+s,o-rwx,+t"].map((text) => Buffer.from(text)),
    run: (bytes) => void applyMode(Buffer.from(bytes).toString("utf8"), 0o644, { isDirectory: false }),
  },
  {
    name: "assemble facts",
    seeds: () => [Buffer.from("#!/usr/bin/env -S A=1 python3 -u\n")],
    run: (bytes) => void inspectContent(bytes),
  },
  {
    name: "assemble debconf templates",
    seeds: () => [
      Buffer.from("Template: a/b\nType: select\nChoices: x, y\\, z, ${c}\nDescription: t\n long\n .\n  more\n"),
    ],
    run: (bytes) => void parseTemplates(bytes, "x"),
  },
  {
    name: "assemble debconf database",
    seeds: () => [
      Buffer.from("Name: a/b\nTemplate: a/b\nValue: x\nOwners: a, b:amd64\nFlags: seen\nVariables:\n v = w\\nx\n\n"),
    ],
    run: (bytes) => void parseDebconfDatabase(bytes, "x"),
  },
  { name: "assemble Java keystore", seeds: keystores, run: (bytes) => void withoutDates(bytes) },
  { name: "assemble compiled Python", seeds: modules, run: (bytes) => void timeOffset(bytes) },
  { name: "assemble apt's states", seeds: () => [Buffer.from("Package: b\n\nPackage: a\nX: y\n")], run: runStates },
];

function keystores(): Uint8Array[] {
  const head = Buffer.from("feedfeed00000002000000010000000200016100000000000000010005582e35303900000001ff", "hex");
  const password = Buffer.from("changeit", "utf16le").swap16();
  const sum = createHash("sha1").update(password).update("Mighty Aphrodite").update(head).digest();
  return [Buffer.concat([head, sum])];
}

function modules(): Uint8Array[] {
  const headers = ["a70d0d0a0000000001020304050607080900", "03f30d0a01020304050607080910111213"];
  return headers.map((header) => Buffer.from(header, "hex"));
}

function runStates(bytes: Uint8Array): void {
  const sorted = sortStanzas(bytes);
  if (Buffer.compare(sortStanzas(sorted), sorted) !== 0) throw new Error("sorting twice is not sorting once");
}

/** The bundle of a file of unknown content, as ca-certificates might ship it. */
function runBundle(bytes: Uint8Array): void {
  const put = (): { digest: ReturnType<typeof digestOf>; sizeBytes: number } => ({
    digest: digestOf(bytes),
    sizeBytes: bytes.length,
  });
  const tree = makeTree(makeEntries({ "usr/share/ca-certificates/mozilla/x.crt": "" }, put));
  caBundle(tree, { put, read: () => bytes });
}
