// SPDX-License-Identifier: Apache-2.0
/**
 * The life of a store on ext4 (blocks of 4 and of 1 KiB), xfs, btrfs, tmpfs and an overlay; and more links to one
 * content than ext4 allows. Needs root.
 *
 *     sh tools/run test/long/file-systems.ts
 */
import { fileSystems, linkBeyondLimit, liveOn, makeLife } from "../crash/file-systems.ts";

const life = await makeLife();
let failed = 0;
for (const kind of fileSystems) {
  try {
    await liveOn(life, kind);
    console.log(`${kind}: sound`);
  } catch (error) {
    failed++;
    console.log(`FAILED ${kind}:`, error);
  }
}
console.log(await linkBeyondLimit());
process.exitCode = failed === 0 ? 0 : 1;
