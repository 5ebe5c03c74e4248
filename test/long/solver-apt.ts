// SPDX-License-Identifier: Apache-2.0
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** apt with a configuration, lists and an empty dpkg status of its own. */
export class Apt {
  readonly #directory = mkdtempSync(join(tmpdir(), "solver-apt-"));
  readonly #architecture: string;
  readonly #environment: NodeJS.ProcessEnv;

  constructor(suite: string, architecture: string) {
    this.#architecture = architecture;
    const at = (name: string): string => join(this.#directory, name);
    for (const name of ["lists/partial", "cache/archives/partial", "etc"]) mkdirSync(at(name), { recursive: true });
    writeFileSync(at("status"), "");
    const place = [`URIs: ${hostMirror()}`, `Suites: ${suite}`, "Components: main"];
    const source = ["Types: deb", ...place, `Signed-By: ${keyring}`];
    writeFileSync(at("etc/suite.sources"), `${source.join("\n")}\n`);
    const settings = {
      "APT::Architecture": architecture,
      "APT::Architectures": architecture,
      "APT::Sandbox::User": "root",
      "Acquire::Languages": "none",
      // else apt counts itself as essential; mmdebstrap sets this too
      "pkgCacheGen::ForceEssential": ",",
      "Dir::State::Lists": at("lists"),
      "Dir::State::status": at("status"),
      "Dir::Cache": at("cache"),
      "Dir::Etc::SourceList": at("etc/suite.sources"),
      "Dir::Etc::SourceParts": "/dev/null",
      "Dir::Etc::Preferences": "/dev/null",
      "Dir::Etc::PreferencesParts": "/dev/null",
    };
    writeFileSync(at("apt.conf"), Object.entries(settings).map(([key, value]) => `${key} "${value}";\n`).join(""));
    this.#environment = { ...process.env, APT_CONFIG: at("apt.conf"), LC_ALL: "C" };
    this.#run("apt-get", ["update", "-qq"]);
    this.#run("apt-cache", ["gencaches"]);
  }

  close(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  packages(): Uint8Array {
    const lists = join(this.#directory, "lists");
    const name = readdirSync(lists).find((file) => file.includes(`_binary-${this.#architecture}_Packages`));
    if (name === undefined) throw new Error("apt-get update brought no package index");
    return this.#run("/usr/lib/apt/apt-helper", ["cat-file", join(lists, name)]);
  }

  /** Names that one of apt's patterns stands for. */
  match(pattern: string): string[] {
    const lines = this.#run("apt", ["-qq", "list", pattern]).toString().split("\n");
    return lines.map((line) => line.split("/", 1)[0] as string).filter((name) => name !== "");
  }

  /** "name=version" of what apt would install, or its reason not to. */
  install(names: readonly string[]): readonly string[] | string {
    const args = ["-s", "-y", "--no-install-recommends", "install", ...names];
    const { status, stdout, stderr } = spawnSync("apt-get", args, { env: this.#environment, maxBuffer: 1 << 28 });
    if (status !== 0) return stderr.toString().trim() || "apt-get failed";
    return [...stdout.toString().matchAll(/^Inst (\S+) \((\S+)/gm)].map(([, name, version]) => `${name}=${version}`);
  }

  /** Whether installing exactly these versions adds nothing and removes nothing. */
  accepts(list: readonly string[]): boolean {
    const theirs = this.install(list);
    return typeof theirs !== "string" && theirs.toSorted().join(" ") === list.toSorted().join(" ");
  }

  #run(command: string, args: readonly string[]): Buffer {
    const stdio = ["ignore" as const, "pipe" as const, "ignore" as const];
    return execFileSync(command, args, { env: this.#environment, maxBuffer: 1 << 28, stdio });
  }
}

/** The address of the main archive that this host's own apt uses. */
function hostMirror(): string {
  const parts = "/etc/apt/sources.list.d";
  const files = readdirSync(parts).filter((name) => name.endsWith(".sources") || name.endsWith(".list"));
  for (const file of files.map((name) => join(parts, name))) {
    const text = readFileSync(file, "utf8");
    const found = /^URIs:\s*(\S+\/debian)\/?\s*$/m.exec(text) ?? oneLine(text);
    if (found?.[1] !== undefined) return found[1];
  }
  const found = oneLine(readFileSync("/etc/apt/sources.list", "utf8"));
  if (found?.[1] === undefined) throw new Error("the host's apt has no source of the main archive");
  return found[1];
}

function oneLine(text: string): RegExpExecArray | null {
  return /^deb\s+(?:\[[^\]]*\]\s+)?(\S+\/debian)\/?\s/m.exec(text);
}
