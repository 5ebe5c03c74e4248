// SPDX-License-Identifier: Apache-2.0
/**
 * The process whose disk loses power: `power-child.ts BASE STORE` does step after step with the project and the
 * layout in BASE and the store, and says on stdout what it was told is done, a line of JSON each.
 */
import { rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";

import { loadCompressor } from "../../src/formats/index.ts";
import { openStore, type Store } from "../../src/store/index.ts";
import { type CommandEnded, runCommand } from "../run-command.ts";

/** What was reported done, all of it up to here. */
export interface Promised {
  /** Names that are set to what they once are, with what they reach. */
  readonly refs: readonly (readonly [name: string, target: string])[];
  readonly gone: readonly string[];
  /** Which of the project's states was built last. */
  readonly state: number;
  /** Digests of its images. */
  readonly built: readonly string[];
}

/** Gives the project another file. */
export function writeState(base: string, state: number): void {
  writeFileSync(join(base, "project/site/state.html"), `<p>${state}</p>\n`.repeat(1 + state * 40));
}

/** The digests of the images of the project as it is. */
export async function buildState(base: string, store: string): Promise<string[]> {
  const ended = await run(base, store, "build", "project", "--frozen", "--offline", "--json");
  return (JSON.parse(ended.out) as { images: { digest: string }[] }).images.map(({ digest }) => digest);
}

async function run(base: string, store: string, ...args: readonly string[]): Promise<CommandEnded> {
  const ended = await runCommand({ store, home: base }, args);
  if (ended.status !== 0) throw new Error(ended.err);
  return ended;
}

async function main(base: string, dir: string): Promise<void> {
  const compressor = await loadCompressor();
  let promised: Promised = { refs: [], gone: [], state: 0, built: [] };
  const promise = (more: Partial<Promised>): void => {
    promised = { ...promised, ...more };
    writeSync(1, `${JSON.stringify(promised)}\n`);
  };
  const withStore = <T>(use: (store: Store) => T): T => {
    const store = openStore(dir, { compressor });
    try {
      return use(store);
    } finally {
      store.close();
    }
  };
  const keep = (name: string): Promised["refs"][number] => {
    const target = withStore((store) => {
      const { digest } = store.put(Buffer.from(`content of ${name} `.repeat(300)));
      const record = store.putRecord(name, { contents: [digest] });
      store.setRef(name, record);
      return record;
    });
    return [name, target];
  };
  const keepForGood = (name: string): void => promise({ refs: [...promised.refs, keep(name)] });
  const build = async (state: number): Promise<void> => {
    writeState(base, state);
    promise({ state, built: await buildState(base, dir) });
    const pinned = withStore((store) => store.listRefs()).filter(({ name }) => /@/.test(name));
    const known = new Set(promised.refs.map(([name]) => name));
    const fresh = pinned.filter(({ name }) => !known.has(name)).map(({ name, target }) => [name, target] as const);
    promise({ refs: [...promised.refs, ...fresh] });
  };
  writeSync(1, "ready\n");
  keepForGood("promise/first");
  await build(1);
  await run(base, dir, "checkout", "registry.example.com/fixture/web", join(dir, "../root"), "--platform=linux/amd64");
  keep("promise/second");
  withStore((store) => store.deleteRef("promise/second"));
  promise({ gone: ["promise/second"] });
  await build(2);
  rmSync(join(dir, "../root"), { recursive: true });
  await run(base, dir, "store", "gc");
  promise({});
  await run(base, dir, "import", `oci:${join(base, "layout")}`, "--name=example.com/imported");
  promise({ refs: [...promised.refs, ...withStore((store) => newRefs(store, "example.com/imported@"))] });
  withStore((store) => void store.adopted.add(join(base, "project")));
  keepForGood("promise/third");
  await run(base, dir, "store", "gc");
  promise({});
}

function newRefs(store: Store, part: string): (readonly [string, string])[] {
  return store.listRefs().filter(({ name }) => name.includes(part)).map(({ name, target }) => [name, target]);
}

if (process.argv[1] === import.meta.filename) await main(process.argv[2] as string, process.argv[3] as string);
