// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { memoryProject } from "../../../assemble/index.ts";
import { type Digest, digestOf } from "../../../base/index.ts";
import { makeTree, type Tree } from "../../../formats/index.ts";
import type { LockedPackage } from "../../../lock/index.ts";
import { type MemoryRun, memorySandbox } from "../../../sandbox/index.ts";
import type { StepDocument } from "../../../spec/index.ts";
import { memoryStore, type Store } from "../../../store/index.ts";
import { dirEntry, fileEntry } from "../../../store/testing/sample.ts";
import { makeStep, type PlannedStep, type StepContext } from "../make-step.ts";
import { planStep } from "../plan-step.ts";
import type { OpenProject } from "../read-project-file.ts";

/** Files by path below the root; a text is one of mode 0644. */
export type Written = Readonly<Record<string, string | Uint8Array>>;

/** What a program of the twin does: the files it writes, or how it ends. */
export type Program = (run: MemoryRun) => {
  readonly writes?: Written;
  readonly tree?: Tree;
  readonly exitCode?: number;
};

export const plainStep: StepDocument = {
  tools: [],
  inputs: ["src/**"],
  exclude: [],
  sources: [],
  argv: ["make", "OUT=$OUT", "-j$JOBS"],
  env: {},
  outputs: ["server"],
  secrets: [],
};

export type ProjectFilesOf = Parameters<typeof memoryProject>[0];

export const plainFiles: ProjectFilesOf = {
  "src/main.c": "int main;\n",
  "src/run.sh": { text: "#!/bin/sh\n", executable: true },
};

/** One package of the tools' root. */
export const toolPackage: LockedPackage = {
  name: "make",
  version: "4.3",
  architecture: "amd64",
  digest: digestOf("make.deb"),
  sizeBytes: 1,
  filename: "pool/make.deb",
  sourceName: "make",
  sourceVersion: "4.3",
  from: "bookworm",
  phase: "packages",
  use: "tools",
  by: ["spec"],
};

/** Steps run by functions in place of programs, in a store in memory. */
export interface StepRig extends Disposable {
  readonly store: Store;
  /** Where the kept logs are. */
  readonly dir: string;
  /** What ran: the programs' names. */
  readonly ran: string[];
  /** The lines that were shown. */
  readonly shown: string[];
  /** Makes a download lie where a step looks for it. */
  download(bytes: Uint8Array): Digest;
  make(options?: Partial<MakeOptions>): Promise<Tree>;
}

export interface MakeOptions {
  readonly step: Partial<StepDocument>;
  readonly files: ProjectFilesOf;
  readonly platform: string;
  readonly tools: readonly LockedPackage[];
  /** The root that the tools make. */
  readonly root: Written;
  readonly secrets: Readonly<Record<string, string>>;
  readonly jobs: number;
  readonly again: boolean;
}

export function makeStepRig(program: Program): StepRig {
  const store = memoryStore();
  const dir = mkdtempSync(join(tmpdir(), "ashlar-step-"));
  const ran: string[] = [];
  const shown: string[] = [];
  const sandbox = memorySandbox((run) => {
    ran.push(run.command.argv[0] as string);
    const { writes = {}, tree, exitCode = 0 } = program(run);
    return { exitCode, tree: tree ?? withFiles(run, writes) };
  });
  return {
    store,
    dir,
    ran,
    shown,
    download(bytes) {
      const digest = digestOf(bytes);
      writeFileSync(store.downloadPath(digest), bytes);
      return digest;
    },
    async make({
      step,
      files = plainFiles,
      platform = "linux/amd64",
      tools = [toolPackage],
      root,
      ...more
    } = {}) {
      const project: OpenProject = (sink) => memoryProject(files, (bytes) => (sink ?? hashed).put(bytes));
      const context: StepContext = {
        store,
        storeDir: dir,
        sandbox: () => Promise.resolve(sandbox),
        progress: { ...quiet, log: (from, line) => void shown.push(`${from}: ${line}`) },
        project,
        secrets: new Map(Object.entries(more.secrets ?? {}).map(([name, text]) => [name, Buffer.from(text)])),
        jobs: more.jobs ?? 2,
        again: more.again ?? false,
      };
      const plan = planStep({ ...plainStep, ...step }, platform, project());
      const planned: PlannedStep = { image: "app", name: "server", plan, tools };
      const made = await makeStep(context, planned, async () =>
        store.putTree(treeOf(store, root ?? { "usr/bin/make": "" })),
      );
      return store.readTree(made);
    },
    [Symbol.dispose]() {
      store.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

const quiet = { start: () => ({ advance: () => {}, done: () => {} }), note: () => {}, warn: () => {} };
const hashed = { put: (bytes: Uint8Array) => ({ digest: digestOf(bytes), sizeBytes: bytes.length }) };

/** A tree of files with the directories above them. */
export function treeOf(sink: Pick<Store, "put">, files: Written): Tree {
  const dirs = new Set<string>();
  for (const path of Object.keys(files)) {
    const parts = path.split("/");
    for (let i = 1; i < parts.length; i++) dirs.add(parts.slice(0, i).join("/"));
  }
  const entries = Object.entries(files).map(([path, bytes]) =>
    fileEntry(sink as Store, path, Buffer.from(bytes)),
  );
  return makeTree([...[...dirs].map((path) => dirEntry(path)), ...entries]);
}

/** The root with files written over it. */
function withFiles({ root, pack }: Pick<MemoryRun, "root" | "pack">, files: Written): Tree {
  const added = treeOf(pack, files);
  const paths = new Set(added.filter(({ type }) => type !== "dir").map(({ path }) => path));
  const there = new Set(root.map(({ path }) => path));
  const kept = root.filter(({ path }) => !paths.has(path));
  return makeTree([...kept, ...added.filter(({ path, type }) => type !== "dir" || !there.has(path))]);
}
