// SPDX-License-Identifier: Apache-2.0
import { type Digest, type ImagePath, parsePath } from "../../base/index.ts";
import { type Entry, makeTree, type Tree } from "../../formats/index.ts";
import type { Sandbox, SandboxCircumstances, SandboxLimits } from "../../sandbox/index.ts";
import { inPack, type Store } from "../../store/index.ts";
import { type Contents, openContents, type UnpackedPackage } from "../content.ts";
import type { DebconfAnswers } from "../debconf/selections.ts";
import { findUnanswered, type UnansweredQuestion, verifyAnswered } from "../debconf/unanswered.ts";
import type { OwnedTree } from "../merge-trees.ts";
import { type AppliedRule, applyRules, type InstallationSecret } from "../rules/apply-rules.ts";
import { type DescribedPackage, describePackage } from "./describe-package.ts";
import { adminDir } from "./database-input.ts";
import { configureScript, preinstScript, runCommand, runEntries } from "./installation-script.ts";
import { orderPackages } from "./order-packages.ts";
import { planWaves, type Wave, waveOf } from "./plan-waves.ts";
import { scriptsOwner, settleRun } from "./settle-run.ts";
import { unpackWave } from "./unpack-wave.ts";
import { scriptFault, verifyStatus } from "./verify-status.ts";

/** A root with packages installed in full. */
export interface InstalledRoot {
  readonly owned: OwnedTree;
  /** Digest of a tree in the store that differs little from the root: what to keep checked out. */
  readonly near: Digest;
  /** What was cleaned of what scripts left behind. */
  readonly applied: readonly AppliedRule[];
  readonly secrets: readonly InstallationSecret[];
}

export interface InstallRequest {
  readonly store: Store;
  readonly sandbox: Sandbox;
  readonly platform: string;
  /** The platform's, as Debian names it. */
  readonly architecture: string;
  readonly limits: SandboxLimits;
  readonly circumstances?: SandboxCircumstances | undefined;
  /** What is there; without dpkg's database in it a new system is made. */
  readonly below: { readonly owned: OwnedTree; readonly near: Digest | undefined };
  /** Packages that are installed below, for who may replace whose files. */
  readonly installed: readonly UnpackedPackage[];
  /** To install, in any order. */
  readonly packages: readonly UnpackedPackage[];
  readonly strip: readonly string[];
  readonly only: Readonly<Record<string, readonly string[]>>;
  /** The text for `debconf-set-selections`; undefined: no answers. */
  readonly selections: string | undefined;
  /** What the spec answers: no other question may be left open. */
  readonly answers: DebconfAnswers;
  readonly onOutput?: ((bytes: Uint8Array) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Installs packages on a root as dpkg does: wave by wave the preinsts run, the files come, and one run of
 * dpkg configures what is unpacked, in an order that depends on the packages alone. What differs from run to
 * run is cleaned by rules. Throws `ASSEMBLE_SCRIPT_FAILED`, `ASSEMBLE_NOT_INSTALLED`,
 * `ASSEMBLE_CONFLICT` and the sandbox's errors.
 */
export async function installPackages(request: InstallRequest): Promise<InstalledRoot> {
  return new Installation(request).run();
}

class Installation {
  readonly #request: InstallRequest;
  readonly #isNew: boolean;
  readonly #known: Map<string, DescribedPackage>;
  readonly #applied: AppliedRule[] = [];
  readonly #secrets: InstallationSecret[] = [];
  #near: Digest | undefined;

  constructor(request: InstallRequest) {
    this.#request = request;
    this.#isNew = !request.below.owned.tree.some(({ path }) => path === `${adminDir}/status`);
    this.#near = request.below.near;
    this.#known = new Map();
    for (const item of request.installed) this.#describe(item);
  }

  #describe(item: UnpackedPackage): DescribedPackage {
    const described = describePackage(item, this.#request.store);
    this.#known.set(described.id, described);
    return described;
  }

  async run(): Promise<InstalledRoot> {
    const packages = this.#request.packages.map((item) => this.#describe(item));
    const waves = this.#isNew ? [waveOf(orderPackages(packages))] : planWaves(packages);
    let { owned } = this.#request.below;
    for (const wave of waves) owned = await this.#runWave(owned, wave);
    verifyAnswered(openQuestions(owned, this.#request));
    return { owned, near: this.#near as Digest, applied: this.#applied, secrets: this.#secrets };
  }

  async #runWave(below: OwnedTree, wave: Wave): Promise<OwnedTree> {
    const early = !this.#isNew && wave.preinsts.length > 0;
    const ready = early ? await this.#runPreinsts(below, wave) : below;
    const configured = await this.#run(this.#prepare((making) => this.#unpack(ready, wave, making)));
    verifyStatus(configured, wave.packages, this.#request.store);
    return configured;
  }

  #runPreinsts(below: OwnedTree, { preinsts }: Wave): Promise<OwnedTree> {
    const { selections } = this.#request;
    const script = preinstScript(preinsts, selections !== undefined);
    const prepared = this.#prepare((making) => ({
      root: below,
      extra: runEntries({ script, preinsts, selections }, making),
    }));
    return this.#run(prepared);
  }

  #unpack(below: OwnedTree, { packages, preinsts: all }: Wave, contents: Making): Prepared {
    const { strip, only, selections, architecture } = this.#request;
    const installed = (id: string): DescribedPackage | undefined => this.#known.get(id);
    const { files, root } = unpackWave({ below, packages, strip, only, installed, contents, architecture });
    this.#near ??= contents.putTree(files.tree);
    const preinsts = this.#isNew ? all : [];
    const script = configureScript({ preinsts, packages, hasSelections: selections !== undefined });
    return { root, extra: runEntries({ script, preinsts, selections }, contents) };
  }

  /** The sandbox reads what it checks out from the store, so what is made for a run is committed before. */
  #prepare(make: (contents: Making) => Prepared): Prepared {
    const { store } = this.#request;
    return inPack(store, (pack) => {
      return make({ ...openContents(store, pack), putTree: (tree) => store.putTree(tree, pack) });
    });
  }

  async #run({ root, extra }: Prepared): Promise<OwnedTree> {
    const { store, sandbox, platform, limits, circumstances, onOutput, signal } = this.#request;
    const pack = store.beginPack();
    try {
      const { exitCode, tree, log } = await sandbox.run({
        root: withEntries(root.tree, extra),
        ...(this.#near === undefined ? {} : { near: this.#near }),
        platform,
        command: { argv: runCommand },
        limits,
        pack,
        ...(circumstances && { circumstances }),
        ...(onOutput && { onOutput }),
        ...(signal && { signal }),
      });
      if (exitCode !== 0) throw scriptFault(exitCode, log);
      pack.commit();
      return this.#clean(root, settleRun(root, tree));
    } catch (error) {
      pack.abort();
      throw error;
    }
  }

  #clean(before: OwnedTree, after: OwnedTree): OwnedTree {
    const { store } = this.#request;
    const owners = new Map([...after.owners].filter(([, owner]) => !owner.startsWith("@")));
    const input = { before: before.tree, after: after.tree, by: "packages" as const, owners };
    const ruled = inPack(store, (pack) => applyRules({ ...input, contents: openContents(store, pack) }));
    this.#applied.push(...ruled.applied);
    this.#secrets.push(...ruled.secrets);
    return { tree: ruled.tree, owners: ownersOf(ruled.tree, after.owners) };
  }
}

/** What packages asked without getting an answer. */
function openQuestions(
  { tree }: OwnedTree,
  { store, answers }: InstallRequest,
): readonly UnansweredQuestion[] {
  const read = (name: string): Uint8Array | undefined => {
    const entry = tree.find(({ path }) => path === `var/cache/debconf/${name}`);
    return entry?.type === "file" ? store.read(entry.content) : undefined;
  };
  const [config, templates] = [read("config.dat"), read("templates.dat")];
  if (config === undefined || templates === undefined) return [];
  return findUnanswered({ config, templates, passwords: read("passwords.dat") }, answers);
}

function ownersOf(tree: Tree, owners: OwnedTree["owners"]): Map<ImagePath, string> {
  return new Map(tree.map(({ path }) => [path, owners.get(path) ?? scriptsOwner]));
}

type Making = Contents & { readonly putTree: (tree: Tree) => Digest };

/** A root, and what a run needs beside it. */
interface Prepared {
  readonly root: OwnedTree;
  readonly extra: readonly Entry[];
}

function withEntries(tree: Tree, extra: readonly Entry[]): Tree {
  const entries = new Map<ImagePath, Entry>(tree.map((entry) => [entry.path, entry]));
  for (const entry of extra) entries.set(parsePath(entry.path), entry);
  return makeTree(entries.values());
}
