// SPDX-License-Identifier: Apache-2.0
import { availableParallelism } from "node:os";
import { resolve } from "node:path";

import { AshlarError, type Json, type Progress } from "../../base/index.ts";
import {
  build as buildAll,
  type BuildRequest,
  type BuiltImage,
  findProject,
  type LoadedSpec,
  loadSpec,
  type Output,
  type Project,
  readImageRecord,
  writeOutput,
} from "../../build/index.ts";
import { compressorId } from "../../formats/index.ts";
import { type LayerForm, type LayerSpool, openSpool } from "../../layer/index.ts";
import { checkLock, type Lock } from "../../lock/index.ts";
import type { Document } from "../../spec/index.ts";
import type { Store } from "../../store/index.ts";
import type { CheckReport } from "../check-build.ts";
import { CircumstancesWatch, circumstancesOf, type SeenTwice } from "../check-sandbox.ts";
import { directoryOrder } from "../directory-order.ts";
import { readLock, writeLock } from "../lock-file.ts";
import { openForWriting } from "../open-store.ts";
import { buildOrigin } from "../origin.ts";
import { fetchDebs, fetchingByFile } from "../package-sources.ts";
import { parseParameters } from "../parameters.ts";
import { parseOutput } from "../place.ts";
import { makeProgress } from "../progress.ts";
import { type GlobalOptions, type Outcome, type Shell, storeDirOf } from "../shell.ts";
import { sandboxBackend } from "../sandbox-backend.ts";
import { fetchStepSources, readSecrets } from "../step-inputs.ts";
import { takeLease } from "../take-lease.ts";

export interface BuildOptions extends GlobalOptions {
  readonly output?: readonly string[];
  readonly image?: readonly string[];
  readonly platform?: readonly string[];
  readonly compression: LayerForm;
  readonly set?: readonly string[];
  readonly secret?: readonly string[];
  readonly frozen?: boolean;
  readonly offline?: boolean;
  readonly check?: boolean;
  readonly workers?: string;
  readonly load?: string;
}

interface Run {
  readonly shell: Shell;
  readonly options: BuildOptions;
  readonly project: Project;
  readonly store: Store;
  readonly progress: Progress;
  readonly spool: LayerSpool | undefined;
  /** Of the second build of a check. */
  readonly watch: CircumstancesWatch;
}

/** `ashlar build [SPEC]` */
export async function build(shell: Shell, spec: string | undefined, options: BuildOptions): Promise<Outcome> {
  const outputs = (options.output ?? []).map((text) => parseOutput(text, shell.cwd));
  return withBuilt(shell, spec, options, async ({ run, loaded, images }) => {
    await deliver(run, images, outputs);
    const check = options.check
      ? await (await import("../check-build.ts")).checkBuild({ ...run, document: loaded.document }, images)
      : undefined;
    return outcome(run.store, images, { check, seen: run.watch.seen });
  });
}

interface Built {
  readonly run: Run;
  readonly loaded: LoadedSpec;
  readonly images: readonly BuiltImage[];
}

/** Which part of a document to build. */
type Narrowing = Partial<Pick<BuildRequest, "images" | "platforms" | "keepsNames">>;

/** Builds a spec as `ashlar build` does, or the part of it that `narrow` says, and hands the images on. */
export function withBuilt<T>(
  shell: Shell,
  spec: string | undefined,
  options: BuildOptions,
  use: (built: Built) => Promise<T>,
  narrow?: Narrow,
): Promise<T> {
  const all = async ({ run, loaded, request }: Prepared): Promise<T> =>
    use({ run, loaded, images: await buildAll(request) });
  return withRequest(shell, spec, options, all, narrow);
}

type Narrow = (document: Document) => Narrowing;

interface Prepared {
  readonly run: Run;
  readonly loaded: LoadedSpec;
  readonly request: BuildRequest;
}

/** Reads and locks a spec as `withBuilt` does, and hands on what a build would be asked for. */
export async function withRequest<T>(
  shell: Shell,
  spec: string | undefined,
  options: BuildOptions,
  use: (prepared: Prepared) => Promise<T>,
  narrow: Narrow = () => ({}),
): Promise<T> {
  const project = findProject(resolve(shell.cwd, spec ?? "."), spec ?? ".");
  const progress = makeProgress(shell, options);
  const store = await openForWriting(shell, options);
  const lease = await takeLease(store, { say: progress.note });
  const spool = (options.output ?? []).length > 0 ? openSpool(store.tmpDir) : undefined;
  try {
    const run: Run = { shell, options, project, store, progress, spool, watch: new CircumstancesWatch() };
    const loaded = await loadSpec(project, parseParameters(options.set), store);
    const part = narrow(loaded.document);
    const lock = await lockFor(run, loaded);
    const kept = shell.keepsNames === true ? { keepsNames: "all" as const } : {};
    const request = { ...requestOf(run, loaded, lock), ...part, ...kept };
    const origin = buildOrigin(shell, { project, options, platforms: request.platforms });
    return await use({ run, loaded, request: { ...request, origin } });
  } finally {
    spool?.close();
    lease.release();
    store.close();
  }
}

/** The lock to build from: read, made where there is none, refreshed where only its document's digest is old. */
async function lockFor(
  { shell, options, project, store, progress }: Run,
  { document, digest }: LoadedSpec,
): Promise<Lock> {
  const lock = readLock(project);
  const frozen = options.frozen === true || Boolean(shell.env["CI"]);
  const compressor = compressorId();
  if (lock !== undefined && lock.document === digest && lock.compressor === compressor) return lock;
  if (frozen) {
    checkLock(document, lock, project.lockName);
    if (lock.compressor !== compressor) progress.warn(otherCompressor(project.lockName));
    return lock;
  }
  const { makeLock } = await import("./lock.ts");
  const fresh = await makeLock(shell, options, { project, store, document, previous: lock });
  if (writeLock(project, fresh)) progress.note(`wrote ${project.lockName}`);
  return fresh;
}

function otherCompressor(name: string): string {
  return `"${name}" was made with another compressor, so digests of compressed layers change; to renew it: ashlar lock`;
}

function requestOf(run: Run, { document }: LoadedSpec, lock: Lock): BuildRequest {
  const circumstances = circumstancesOf(run.shell);
  const { shell, options, project, store, progress, spool } = run;
  return {
    store,
    storeDir: storeDirOf(shell, options),
    projectDir: project.dir,
    document,
    lock,
    fetch: (packages) => fetchDebs({ ...run, lock, document }, packages),
    fetchUnpacked: fetchingByFile(run),
    fetchSources: (sources) => fetchStepSources({ ...run, offline: options.offline === true }, sources),
    secrets: readSecrets(shell, options.secret),
    form: options.compression,
    images: options.image,
    platforms: options.platform,
    epochSeconds: epochOf(shell, progress),
    workers: workersOf(options),
    directoryOrder: directoryOrder(shell),
    progress,
    sandbox: async () => {
      const { openSandbox } = await import("../../sandbox/index.ts");
      return run.watch.over(openSandbox({ store, ...sandboxBackend(shell) }));
    },
    circumstances,
    spool,
  };
}

function epochOf(shell: Shell, progress: Progress): number | undefined {
  const text = shell.env["SOURCE_DATE_EPOCH"];
  if (text === undefined || text === "") return undefined;
  if (!/^\d{1,11}$/.test(text)) {
    throw new AshlarError("USAGE_EPOCH", `Cannot use SOURCE_DATE_EPOCH "${text}": want seconds since 1970`);
  }
  progress.note(`SOURCE_DATE_EPOCH=${text} is part of the result`);
  return Number(text);
}

export function workersOf({ workers }: { readonly workers?: string }): number {
  if (workers === undefined) return availableParallelism();
  if (/^[1-9]\d{0,2}$/.test(workers)) return Number(workers);
  throw new AshlarError("USAGE_WORKERS", `Cannot use --workers "${workers}": want a number from 1 to 999`);
}

async function deliver(run: Run, images: readonly BuiltImage[], outputs: readonly Output[]): Promise<void> {
  const { shell, store, options, progress, spool } = run;
  const wanted = outputs.length === 0 ? undefined : imageToWrite(images, options);
  for (const output of outputs) {
    await writeOutput(store, (wanted as BuiltImage).record, { ...output, spool });
    progress.note(`wrote ${output.kind}:${output.path}`);
  }
  if (options.load === undefined) return;
  const { loadImage } = await import("../load-image.ts");
  for (const { record } of images) await loadImage(shell, { store, record, engine: options.load });
}

/** The one image that outputs are of: the only one, or the one that --image names (the last: parents come first). */
function imageToWrite(images: readonly BuiltImage[], { image }: BuildOptions): BuiltImage {
  const last = images.at(-1);
  if (last !== undefined && (images.length === 1 || image?.length === 1)) return last;
  throw new AshlarError("USAGE_OUTPUT", "Cannot write the output: the spec has several images", {
    hint: "choose one with --image; what it stands on is built without being written",
  });
}

/** What a check adds to the result: its report, and in its second build what scripts saw. */
interface CheckParts {
  readonly check: CheckReport | undefined;
  readonly seen: SeenTwice | undefined;
}

function outcome(store: Store, images: readonly BuiltImage[], { check, seen }: CheckParts): Outcome {
  const described = images.map(({ name, digest, record }) => ({
    name,
    digest,
    platforms: record.images.map(({ platform, record: image }) => {
      const { manifest, config, layers, secrets } = readImageRecord(store, image);
      return { platform, manifest, config, layers: layers.map((layer) => layer.name), secrets };
    }),
  }));
  return {
    text: images.map(({ name, digest }) => `${name}@${digest}\n`).join(""),
    json: {
      images: described as unknown as Json,
      check: check as unknown as Json | undefined,
      seen: seen as unknown as Json | undefined,
    },
  };
}
