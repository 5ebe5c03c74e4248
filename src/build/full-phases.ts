// SPDX-License-Identifier: Apache-2.0
import {
  emptyTree,
  essentialClosure,
  type InstallationSecret,
  keepClosure,
  openContents,
  type OwnedTree,
  readOwnedTree,
  verifyAnswers,
} from "../assemble/index.ts";
import { AshlarError } from "../base/index.ts";
import type { ImageDocument } from "../spec/index.ts";
import type { Store } from "../store/index.ts";
import { idOf, installGroups } from "./install-groups.ts";
import type { InstallContext, InstalledStage } from "./installed-root.ts";
import { type KeptRoot, readScripts, type RecordedPackage, type Stage } from "./stage.ts";

export interface FullRequest {
  readonly install: InstallContext;
  readonly document: ImageDocument;
  readonly platform: string;
  /** Of this image alone, its tools included. */
  readonly packages: readonly RecordedPackage[];
  /** The image below with all packages in it. */
  readonly below: { readonly stage: Stage; readonly packages: readonly RecordedPackage[] } | undefined;
}

/** The phases base and packages of `install: full`; each tree holds those before it. */
export interface FullPhases {
  readonly base: OwnedTree;
  readonly packages: OwnedTree;
  readonly secrets: readonly InstallationSecret[];
  readonly installed: readonly KeptRoot[];
}

/**
 * Installs an image's packages in full: first the base, then what the spec names with its closure, each a
 * remembered step. With `base: none` the scripts run on the whole Essential set, and the image keeps the
 * chosen closure and what the scripts made for it. Throws `BUILD_FULL_BELOW` and what installing throws.
 */
export async function installPhases(request: FullRequest): Promise<FullPhases> {
  const { below, install, document, packages, platform } = request;
  const { strip, only, debconf: answers } = document.system;
  const wanted = packages.filter(({ locked }) => locked.use !== "data");
  const asking = [...(below?.packages ?? []), ...wanted].map((item) => readScripts(install.store, item));
  verifyAnswers(answers, asking, install.store);
  const isBelow = below !== undefined && wanted.length > 0;
  if (isBelow && !hasDatabase(readOwnedTree(install.store, below.stage))) throw noDatabase(request);
  const base = below === undefined ? basePackages(request, wanted) : [];
  const others = wanted.filter((item) => !base.includes(item));
  const installed = await installGroups(install, { platform, below, base, others, strip, only, answers });
  const secrets = installed.at(-1)?.secrets ?? [];
  return { ...phasesOf(request, installed), secrets, installed: installed.map(rootOf) };
}

/** What must be configured before anything else can be: for `base: none` found among the packages. */
function basePackages(
  { document, install }: FullRequest,
  wanted: readonly RecordedPackage[],
): readonly RecordedPackage[] {
  if (document.system.base !== "none") return wanted.filter(({ locked }) => locked.phase === "base");
  const closure = essentialClosure(
    wanted.map((item) => readScripts(install.store, item)),
    install.store,
  );
  return wanted.filter((item) => closure.has(idOf(item)));
}

function hasDatabase({ tree }: OwnedTree): boolean {
  return tree.some(({ path }) => path === "var/lib/dpkg/status");
}

function noDatabase({ document }: FullRequest): AshlarError {
  const fault = "the image below has no dpkg, want one that runs maintainer scripts";
  return new AshlarError(
    "BUILD_FULL_BELOW",
    `Cannot install packages of image "${document.name}" in full: ${fault}`,
    {
      hint: "give the image below `base: essential`, or this one `install: unpack`",
    },
  );
}

function phasesOf(
  { install, below, document, packages }: FullRequest,
  installed: readonly InstalledStage[],
): Pick<FullPhases, "base" | "packages"> {
  const { store } = install;
  const first = below?.stage ?? installed[0];
  const last = installed.at(-1) ?? first;
  if (first === undefined || last === undefined) return { base: emptyTree, packages: emptyTree };
  const base = readOwnedTree(store, first);
  const whole = first === last ? base : readOwnedTree(store, last);
  if (below !== undefined || document.system.base !== "none") return { base, packages: whole };
  const kept = new Set(packages.flatMap((item) => (item.locked.use === "install" ? [idOf(item)] : [])));
  return { base: emptyTree, packages: reduce(store, { base, whole, kept }) };
}

function reduce(store: Store, chosen: Omit<Parameters<typeof keepClosure>[0], "contents">): OwnedTree {
  const pack = store.beginPack();
  try {
    const owned = keepClosure({ ...chosen, contents: openContents(store, pack) });
    pack.commit();
    return owned;
  } catch (error) {
    pack.abort();
    throw error;
  }
}

function rootOf({ flat, owners, near }: InstalledStage): KeptRoot {
  return { flat, owners, near };
}
