// SPDX-License-Identifier: Apache-2.0
import { emptyTree, essentialClosure, type InstallationSecret, keepClosure, type OwnedTree, verifyAnswers } from "../assemble/index.ts";
import { AshlarError } from "../base/index.ts";
import type { ImageDocument } from "../spec/index.ts";
import { type InstallContext, type InstalledStage, type InstallStep, makeInstalledRoot } from "./installed-root.ts";
import { readOwnedTree, readScripts, type RecordedPackage, type Stage } from "./stage.ts";

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
}

/**
 * Installs an image's packages in full: first the base, then what the spec names with its closure, each a
 * remembered step. With `base: none` the scripts run on the whole Essential set, and the image keeps the
 * chosen closure and what the scripts made for it. Throws `BUILD_FULL_BELOW` and what installing throws.
 */
export async function installPhases(request: FullRequest): Promise<FullPhases> {
  const { below, install, document } = request;
  const wanted = request.packages.filter(({ locked }) => locked.use !== "data");
  const asking = [...(below?.packages ?? []), ...wanted].map((item) => readScripts(install.store, item));
  verifyAnswers(document.system.debconf, asking, install.store);
  if (below !== undefined) return installOn(request, below, wanted);
  const first = basePackages(request, wanted);
  const others = wanted.filter((item) => !first.includes(item));
  const base = await makeInstalledRoot(request.install, stepOf(request, "base", first));
  const step = { ...stepOf(request, "packages", others), below: { stage: base, packages: first } };
  const whole = others.length === 0 ? base : await makeInstalledRoot(request.install, step);
  return request.document.system.base === "none" ? chosen(request, base, whole) : cumulative(request, base, whole);
}

/** What must be configured before anything else can be: for `base: none` found among the packages. */
function basePackages({ document, install }: FullRequest, wanted: readonly RecordedPackage[]): readonly RecordedPackage[] {
  if (document.system.base !== "none") return wanted.filter(({ locked }) => locked.phase === "base");
  const closure = essentialClosure(
    wanted.map((item) => readScripts(install.store, item)),
    install.store,
  );
  return wanted.filter(({ locked }) => closure.has(`${locked.name}:${locked.architecture}`));
}

function stepOf({ document, platform }: FullRequest, name: string, packages: readonly RecordedPackage[]): InstallStep {
  const { strip, only, debconf } = document.system;
  return { name, platform, below: undefined, packages, strip, only, answers: debconf };
}

async function installOn(
  request: FullRequest,
  below: NonNullable<FullRequest["below"]>,
  wanted: readonly RecordedPackage[],
): Promise<FullPhases> {
  const { store } = request.install;
  const base = readOwnedTree(store, below.stage);
  if (wanted.length === 0) return { base, packages: base, secrets: [] };
  if (!base.tree.some(({ path }) => path === "var/lib/dpkg/status")) throw noDatabase(request);
  const stage = await makeInstalledRoot(request.install, { ...stepOf(request, "packages", wanted), below });
  return { base, packages: readOwnedTree(store, stage), secrets: stage.secrets };
}

function noDatabase({ document }: FullRequest): AshlarError {
  const fault = "the image below has no dpkg, want one that runs maintainer scripts";
  return new AshlarError("BUILD_FULL_BELOW", `Cannot install packages of image "${document.name}" in full: ${fault}`, {
    hint: "give the image below `base: essential`, or this one `install: unpack`",
  });
}

function cumulative({ install }: FullRequest, base: InstalledStage, whole: InstalledStage): FullPhases {
  const { store } = install;
  const lower = readOwnedTree(store, base);
  const { secrets } = whole;
  return { base: lower, packages: whole === base ? lower : readOwnedTree(store, whole), secrets };
}

function chosen({ install, packages }: FullRequest, base: InstalledStage, whole: InstalledStage): FullPhases {
  const { store } = install;
  const kept = new Set(
    packages.flatMap(({ locked }) => (locked.use === "install" ? [`${locked.name}:${locked.architecture}`] : [])),
  );
  const owned = keepClosure({ base: readOwnedTree(store, base), whole: readOwnedTree(store, whole), kept });
  return { base: emptyTree, packages: owned, secrets: whole.secrets.filter(({ path }) => owned.owners.has(path)) };
}
