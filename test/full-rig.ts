// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

import { buildArchive } from "../src/debian/testing/build-archive.ts";
import { publicKeyOf, signArchive } from "../src/fetch/testing/sign-archive.ts";
import { oddPackages } from "./odd-packages.ts";
import type { Ended } from "./programs.ts";
import { root } from "./run-build.ts";

/** 1 June 2025: the day of the fixture's archive. */
const dateSeconds = 1_748_736_000;

export interface FullSpec {
  readonly packages: readonly string[];
  readonly base?: "none" | "essential";
  readonly install?: "full" | "unpack";
  readonly debconf?: Readonly<Record<string, string>>;
}

export interface How {
  readonly store?: string;
  readonly wrapper?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** Whether a build writes a root file system too; true where absent. */
  readonly output?: boolean;
}

/** Projects on Debian's real archive and one of odd packages, a store that knows the base, and commands. */
export interface FullRig {
  readonly dir: string;
  readonly store: string;
  /** Makes a project, or gives it another spec; its directory. */
  project(name: string, spec: FullSpec): string;
  /** A store with the downloads and nothing else, or with Debian's packages unpacked too. */
  newStore(name: string, state: "cold" | "unpacked"): Promise<string>;
  ashlar(args: readonly string[], how?: How): Promise<Ended>;
  /** Builds into a root file system, which must end well: its directory, and the image's digest. */
  build(project: string, how?: How): Promise<{ readonly root: string; readonly digest: string }>;
  close(): void;
}

/** Serves the odd packages on the loopback interface. Debian's own come from ASHLAR_MIRROR or the host's archive. */
export async function openFullRig(): Promise<FullRig> {
  const dir = mkdtempSync(join(tmpdir(), "ashlar-full-"));
  const archive = buildArchive({
    suite: "odd",
    dateSeconds,
    packages: oddPackages,
    architectures: ["amd64"],
  });
  await signArchive(archive, { dateSeconds });
  const server = await serve(archive);
  const key = await publicKeyOf("main");
  const { port } = server.address() as AddressInfo;
  const store = join(dir, "store");
  let count = 0;
  let unpacked: Promise<unknown> | undefined;
  const rig: FullRig = {
    dir,
    store,
    project(name, spec) {
      const project = join(dir, name);
      mkdirSync(project, { recursive: true });
      writeFileSync(join(project, "odd.asc"), key);
      writeFileSync(join(project, "ashlar.yaml"), JSON.stringify(specOf(spec, port)));
      return project;
    },
    async newStore(name, state) {
      const made = join(dir, name);
      mkdirSync(made);
      if (state === "unpacked") {
        await (unpacked ??= unpackBase(rig, join(dir, "unpacked")));
        cpSync(join(dir, "unpacked"), made, { recursive: true });
      }
      cpSync(join(store, "downloads"), join(made, "downloads"), { recursive: true });
      return made;
    },
    ashlar: (args, how = {}) =>
      runAshlar([...args, `--store=${how.store ?? store}`, ...(how.args ?? [])], how),
    async build(project, how = {}) {
      const out = join(dir, `root-${count++}`);
      const output = how.output === false ? [] : [`--output=rootfs:${out}`];
      const { status, out: said, err } = await rig.ashlar(["build", project, "--json", ...output], how);
      assert.equal(status, 0, err + said);
      const { images } = JSON.parse(said) as { images: readonly { digest: string }[] };
      return { root: out, digest: (images[0] as { digest: string }).digest };
    },
    close() {
      server.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
  return rig;
}

async function unpackBase(rig: FullRig, store: string): Promise<void> {
  mkdirSync(store);
  cpSync(join(rig.store, "downloads"), join(store, "downloads"), { recursive: true });
  await rig.build(rig.project("base", { packages: ["adduser"], install: "unpack" }), { store });
}

/** JSON is YAML. */
function specOf({ packages, base = "essential", install = "full", debconf }: FullSpec, port: number): object {
  return {
    ashlar: "image/v1",
    name: "odd",
    from: {
      debian: "bookworm",
      sources: [
        {
          deb: `http://127.0.0.1:${port}`,
          suite: "odd",
          components: ["main"],
          signedBy: "odd.asc",
          name: "odd",
        },
      ],
    },
    platforms: ["linux/amd64"],
    system: { base, install, packages, ...(debconf && { debconf }) },
    expect: { closure: "warn" },
  };
}

async function serve(files: ReadonlyMap<string, Uint8Array>): Promise<Server> {
  const server = createServer((request, response) => {
    const bytes = files.get(decodeURIComponent((request.url ?? "").replace(/^\/+/, "")));
    response.writeHead(bytes === undefined ? 404 : 200).end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

/** Not as in CI: a lock may be made. */
async function runAshlar(args: readonly string[], { wrapper = [], env = {} }: How): Promise<Ended> {
  const node = [process.execPath, "--disable-warning=ExperimentalWarning", join(root, "src/cli/main.ts")];
  const [command = "", ...rest] = [...wrapper, ...node, ...args];
  const child = spawn(command, rest, {
    env: { ...process.env, LC_ALL: "C", CI: "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 240_000,
    killSignal: "SIGKILL",
  });
  const ended = new Promise<number | null>((resolve, reject) =>
    child.on("close", resolve).on("error", reject),
  );
  const [status, out, err] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { status, out, err };
}

/** A text file of a root. */
export function readText(rootDir: string, path: string): string {
  return readFileSync(join(rootDir, path), "utf8");
}
