// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import {
  linkSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { type Digest, digestOf, emptyDigest, limits } from "../base/index.ts";
import type { Store } from "./store.ts";
import { hasCode, sample } from "./testing/sample.ts";

const root = mkdtempSync(join(tmpdir(), "ashlar-adopted-"));
after(() => rmSync(root, { recursive: true }));
let count = 0;

function freshDir(files: Readonly<Record<string, string | Uint8Array>>): string {
  const dir = join(root, String(count++));
  for (const [path, bytes] of Object.entries(files)) {
    mkdirSync(join(dir, path, ".."), { recursive: true });
    writeFileSync(join(dir, path), bytes);
  }
  return dir;
}

/** What every store does with files that lie elsewhere. */
export function adoptedFilesContract(name: string, make: () => Store): void {
  const title = (text: string): string => `${name}: ${text}`;
  const take = (store: Store, bytes: string | Uint8Array): string | undefined => {
    const pack = store.beginPack();
    const info = store.adopted.take(digestOf(bytes), pack);
    pack.commit();
    assert.equal(info?.digest, info === undefined ? undefined : digestOf(bytes));
    return info === undefined ? undefined : Buffer.from(store.read(info.digest)).toString();
  };

  test(title("adopt tells which contents files hold, and take puts them into a pack"), () => {
    const store = make();
    const large = sample(1, limits.frameBytesMax * 2 + 5);
    const dir = freshDir({ "a/b/one": "one", two: "two", "two again": "two", large, empty: "" });
    assert.deepEqual(
      store.adopted.add(dir),
      { dir, files: 4, bytes: 9 + large.length, readFiles: 4, readBytes: 9 + large.length, skipped: 0, forgotten: 0 },
    );
    const wanted = ["one", "two", large, "three", ""].map((bytes) => digestOf(bytes));
    const sizes = store.adopted.sizes(wanted);
    assert.deepEqual([...sizes.values()], [3, 3, large.length]);
    assert.equal(sizes.has(emptyDigest), false);
    assert.equal(store.has(digestOf("one")), false, "adopting stores nothing");
    assert.equal(take(store, "one"), "one");
    assert.equal(take(store, large), large.toString());
    assert.equal(take(store, "three"), undefined);
    assert.deepEqual(store.fsck({ full: true }).faults, []);
    store.close();
  });

  test(title("adopt again reads only what changed, and forgets what is gone"), () => {
    const store = make();
    const dir = freshDir({ same: "same", touched: "touched", changed: "before", gone: "gone" });
    store.adopted.add(dir);
    assert.equal(store.adopted.add(dir).readFiles, 0);
    utimesSync(join(dir, "touched"), 5, 5);
    writeFileSync(join(dir, "changed"), "after!");
    renameSync(join(dir, "gone"), join(dir, "moved"));
    const report = store.adopted.add(dir);
    assert.deepEqual([report.files, report.readFiles, report.forgotten], [4, 3, 1]);
    assert.deepEqual(store.adopted.list(), [{ dir, files: 4, bytes: 21 }]);
    assert.equal(take(store, "before"), undefined);
    assert.equal(take(store, "after!"), "after!");
    assert.equal(take(store, "gone"), "gone");
    store.close();
  });

  test(title("take proves a file when it uses it, and forgets one that changed"), () => {
    const changes: readonly ((path: string) => void)[] = [
      (path) => {
        const { atime, mtime } = statSync(path);
        writeFileSync(path, "evil");
        utimesSync(path, atime, mtime);
      },
      (path) => writeFileSync(path, "longer"),
      (path) => writeFileSync(path, ""),
      (path) => rmSync(path),
      (path) => (rmSync(path), symlinkSync("other", path)),
      (path) => (rmSync(path), mkdirSync(path)),
    ];
    for (const change of changes) {
      const store = make();
      const dir = freshDir({ file: "good", other: "good enough" });
      store.adopted.add(dir);
      change(join(dir, "file"));
      assert.equal(take(store, "good"), undefined);
      assert.equal(store.adopted.sizes([digestOf("good")]).size, 0);
      assert.equal(store.has(digestOf("evil")), false);
      assert.equal(store.adopted.list()[0]?.files, 1);
      store.close();
    }
  });

  test(title("take goes on to the next file that holds a content"), () => {
    const store = make();
    const dir = freshDir({ a: "text", b: "text", c: "text" });
    store.adopted.add(dir);
    for (const path of ["a", "b"]) writeFileSync(join(dir, path), "TEXT");
    assert.equal(take(store, "text"), "text");
    store.close();
  });

  test(title("a pack stays usable when a large file turns out to be another"), () => {
    const store = make();
    const large = sample(2, limits.frameBytesMax + 5);
    const dir = freshDir({ large });
    store.adopted.add(dir);
    writeFileSync(join(dir, "large"), Buffer.from(large).reverse());
    const pack = store.beginPack();
    const [first] = [pack.put(Buffer.from("first"))];
    assert.equal(store.adopted.take(digestOf(large), pack), undefined);
    const last = pack.put(Buffer.from("last"));
    pack.commit();
    assert.deepEqual([first, last].map(({ digest }) => Buffer.from(store.read(digest)).toString()), ["first", "last"]);
    assert.deepEqual(store.fsck({ full: true }).faults, []);
    store.close();
  });

  test(title("adopt follows no symbolic link and passes over what is no file"), () => {
    const store = make();
    const outside = freshDir({ secret: "secret" });
    const dir = freshDir({ file: "file" });
    symlinkSync(outside, join(dir, "dir"));
    symlinkSync(join(outside, "secret"), join(dir, "link"));
    linkSync(join(dir, "file"), join(dir, "second name"));
    writeFileSync(Buffer.concat([Buffer.from(`${dir}/`), Buffer.from([0xff])]), "no UTF-8");
    const report = store.adopted.add(dir);
    assert.deepEqual([report.files, report.skipped], [2, 1]);
    assert.equal(store.adopted.sizes([digestOf("secret")]).size, 0);
    store.close();
  });

  test(title("forget takes a directory's files away, by any name, also when it is gone"), () => {
    const store = make();
    const [one, two] = [freshDir({ a: "a" }), freshDir({ b: "b" })];
    symlinkSync(one, `${one}-link`);
    for (const dir of [`${one}-link`, two]) store.adopted.add(dir);
    assert.deepEqual(store.adopted.list().map(({ dir }) => dir), [one, two].sort());
    assert.equal(store.adopted.forget(`${one}-link`), true);
    assert.equal(store.adopted.forget(one), false);
    rmSync(two, { recursive: true });
    assert.equal(store.adopted.forget(two), true);
    assert.deepEqual(store.adopted.list(), []);
    assert.equal(store.adopted.sizes([digestOf("a")] as Digest[]).size, 0);
    store.close();
  });

  test(title("adopt refuses what is no directory"), () => {
    const store = make();
    const dir = freshDir({ file: "file" });
    for (const path of [join(dir, "file"), join(dir, "absent"), join(dir, "file/below")]) {
      assert.throws(() => store.adopted.add(path), hasCode("STORE_ADOPT_DIR"));
    }
    assert.deepEqual(store.adopted.list(), []);
    store.close();
  });
}
