// SPDX-License-Identifier: Apache-2.0
// Members of a group use one another's packs and refs; what one of them forges there is never taken for a content.
import assert from "node:assert/strict";
import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";

import { type Digest, digestBytes, digestOf, hexOf } from "../../src/base/index.ts";
import { sumOfRow } from "../../src/store/row-sum.ts";
import { alice, bob, needsRoot, type Person, sharedPlace, shellAs, storeAs, team } from "./testing/as-user.ts";

const [member, other]: [Person, Person] = [
  { uid: alice, umask: "077", groups: [team] },
  { uid: bob, umask: "022", groups: [team] },
];
const carol: Person = { uid: 52003 };

/** A shared directory that root made, and one that has joined it for each of two members. */
function sharedRig(t: TestContext): { readonly shared: string; readonly a: string; readonly b: string } | undefined {
  if (needsRoot(t)) return undefined;
  const place = sharedPlace(alice, bob, carol.uid);
  const shared = join(place, "shared");
  assert.deepEqual(storeAs({ uid: 0 }, shared, `share=${team}`), { given: [] });
  const [a, b] = [join(place, `${alice}`, "store"), join(place, `${bob}`, "store")];
  assert.deepEqual(storeAs(member, a, `join=${shared}`), { given: [] });
  assert.deepEqual(storeAs(other, b, `join=${shared}`), { given: [] });
  return { shared, a, b };
}

test("members find what others put and keep, each with links, roots and temporary files of their own", (t) => {
  const rig = sharedRig(t);
  if (rig === undefined) return;
  const { shared, a, b } = rig;
  const made = storeAs(member, a, "keep=one", "put=some text", "action=x", "look=one", `checkout=${a}.root`, "fsck");
  const [, digest] = made.given as [string, Digest];
  assert.deepEqual(made, { given: ["kept", digest, "put", "one", "link", []] });
  const found = storeAs(other, b, `read=${digest}`, `frames=${digest}`, "remembered=x", "look=one", "keep=two", "fsck");
  assert.equal(found.code, undefined, found.message);
  assert.deepEqual(found.given.filter((_, i) => i !== 1), ["some text", 1, "one", "kept", []]);
  assert.equal(storeAs(other, b, `checkout=${b}.root`).given[0], "link");
  assert.equal(lstatSync(join(b, "links")).uid, bob);
  assert.equal(lstatSync(`${b}.root/file`).uid, bob);
  // One collects what the other put, too, and keeps what both named.
  assert.equal((storeAs(other, b, "gc").given[0] as number) > 0, true);
  const left = storeAs(member, a, "look=one", "look=two", `read=${digest}`);
  assert.deepEqual([left.given, left.code], [["one", "two"], "STORE_CONTENT_MISSING"]);
  assert.deepEqual(storeAs(member, a, "gc", "fsck").given.at(-1), []);
  for (const name of readdirSync(shared, { recursive: true, encoding: "utf8" })) {
    const stats = statSync(join(shared, name));
    assert.equal(stats.gid, team, name);
    assert.equal(stats.mode & 0o7, 0, name);
    const want = stats.isDirectory() ? 0o2770 : /\.pack$|^(format|sharing)$/.test(name) ? 0o440 : 0o660;
    assert.equal(stats.mode & 0o7777, want, name);
  }
});

test("members take turns in fetching, and each shows by a file of his own that he lives", (t) => {
  const rig = sharedRig(t);
  if (rig === undefined) return;
  const digest = digestOf("package");
  const beat = join(rig.shared, "fetching", `${hexOf(digest)}.beat`);
  for (const [who, dir] of [[member, rig.a], [other, rig.b], [member, rig.a]] as const) {
    assert.deepEqual(storeAs(who, dir, `fetch=${digest}`).given, ["ours"]);
    assert.equal(lstatSync(beat).uid, who.uid);
  }
});

test("a download that a member began or finished serves the others", (t) => {
  const rig = sharedRig(t);
  if (rig === undefined) return;
  const { shared } = rig;
  const module = join(import.meta.dirname, "../../src/fetch/partial.ts");
  const at = join(shared, "downloads/sha256/aa/file");
  const script = `process.umask(0o077); const { Partial } = await import(${JSON.stringify(module)});
    const partial = new Partial(${JSON.stringify(at)}); partial.write(Buffer.from("half ")); `;
  const run = (who: Person, end: string): string =>
    shellAs(who, 'exec "$0" --input-type=module -e "$1"'.replace("$0", process.execPath), script + end);
  assert.equal(run(member, "partial.leave();"), "");
  assert.equal(run(other, "console.log(partial.sizeBytes); partial.publish();"), "10\n");
  assert.equal(shellAs(member, 'cat "$1"', at), "half half ");
});

test("who is no member, or opens the shared directory itself, is told what to do", (t) => {
  const rig = sharedRig(t);
  if (rig === undefined) return;
  const { shared, a } = rig;
  const own = join(shared, "..", `${carol.uid}`, "store");
  assert.equal(storeAs(carol, own, `join=${shared}`).code, "STORE_ACCESS");
  const direct = storeAs(member, shared, "fsck");
  assert.deepEqual([direct.code, /ashlar store join/.test(direct.hint ?? "")], ["STORE_SHARED", true]);
  assert.equal(storeAs({ uid: alice }, a, "fsck").code, "STORE_GROUP");
  assert.equal(storeAs(member, a, `join=${shared}`).code, "STORE_NOT_A_STORE");
  const plain = join(shared, "..", `${alice}`, "plain");
  storeAs(member, plain, "fsck");
  assert.equal(storeAs(member, `${plain}.2`, `join=${plain}`).code, "STORE_NOT_SHARED");
});

test("a shared directory that is another by now is refused, and one that everybody may write to", (t) => {
  const rig = sharedRig(t);
  if (rig === undefined) return;
  const { shared, a } = rig;
  chmodSync(shared, 0o2777);
  assert.equal(storeAs(member, a, "fsck").code, "STORE_EXPOSED");
  chmodSync(shared, 0o2770);
  renameSync(shared, `${shared}.old`);
  mkdirSync(shared);
  chownSync(shared, bob, team);
  chmodSync(shared, 0o2770);
  assert.equal(storeAs(member, a, "fsck").code, "STORE_FOREIGN");
});

test("a member cannot forge a content: not by its pack, not by the index, not by symlinks", (t) => {
  const rig = sharedRig(t);
  if (rig === undefined) return;
  const { shared, a, b } = rig;
  const digests = storeAs(member, a, "keep=one", "put=good text", "put=evil text").given.slice(1) as Digest[];
  const [good, evil] = digests as [Digest, Digest];
  assert.equal(storeAs(other, b, `read=${good}`).given[0], "good text");
  // The index is any member's to write: the row of the good content becomes that of the evil one, sums and all.
  const index = new DatabaseSync(join(shared, "index.sqlite"));
  index.prepare("DELETE FROM contents WHERE digest = ?").run(digestBytes(good));
  const row = index.prepare("SELECT * FROM contents WHERE digest = ?").get(digestBytes(evil));
  const { sum: _, ...rest } = { ...(row as { readonly sum: unknown }), digest: digestBytes(good) };
  const sql = "UPDATE contents SET digest = ?, sum = ? WHERE digest = ?";
  index.prepare(sql).run(digestBytes(good), sumOfRow(Object.values(rest)), digestBytes(evil));
  index.close();
  for (const step of [`read=${good}`, `frames=${good}`]) {
    assert.match(storeAs(member, a, step).code ?? "", /^STORE_(?:CONTENT|INDEX)_DAMAGED$/, step);
  }
  // A pack of the same size with other bytes, which its table then does not give.
  const pack = shellAs(other, 'ls "$1"/packs/*/*.pack', shared).trim().split("\n").at(-1) as string;
  const forge = `cd "$(dirname "$1")"; cp "$1" new; chmod u+w new
    printf xxxx | dd of=new bs=1 seek=20 conv=notrunc status=none; mv -f new "$1"`;
  assert.equal(shellAs(other, forge, pack), "");
  assert.notDeepEqual(storeAs(member, a, "fsck").given[0], []);
  // Nor can he lead others out of the store.
  for (const name of ["tmp", "packs", "refs.sqlite-wal"]) {
    const script = 'cd "$1"; if [ -e "$2" ]; then mv "$2" aside; fi; ln -s /tmp "$2"';
    assert.equal(shellAs(other, script, shared, name), "");
    assert.equal(storeAs(member, a, "fsck").code, "STORE_STRANGE", name);
    shellAs(other, 'cd "$1"; rm "$2"; if [ -e aside ]; then mv aside "$2"; fi', shared, name);
  }
});
